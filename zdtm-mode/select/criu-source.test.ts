import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { execa } from 'execa'
import t from 'tap'
import { checkout } from '../../harness/hosts/checkout.ts'
import { onRealCriu } from '../../harness/testing/real-criu.ts'
import { casesIn, ownProgram, zdtm } from '../../harness/testing/zdtm.ts'
import { withLibraries } from '../test/libraries.ts'
import { readParameters } from './makefile.ts'

/*
 * `criu-remote zdtm run --criu-source` on a made-up checkout of CRIU that has our own programs in
 * it.
 */

const MAKEFILE = `TST_NOFILE := \\
	fine hooked badhook skipped nodeps \\
	refused accepted computed other unable notbuilt
TST_FILE = filed $(MORE)
$(TST_NOFILE:%=%.pid): %.pid: %
	$(<D)/$(<F) --pidfile=$@ --outfile=$<.out
$(TST_FILE:%=%.pid): %.pid: %
	$(<D)/$(<F) --pidfile=$@ --outfile=$<.out --filename=$<.test
own.pid: own
	$(<D)/$(<F) --pidfile=$@ --outfile=$<.out --mask=0345
%.out: %.pid %
	-kill -TERM \`cat $<\`
`

/** Fails unless its stages come in order, in zdtm.py's directory, with zdtm.py's variables. */
const HOOK = `#!/bin/sh
after() { [ -e "seen$1" ] || exit 1; }
[ -e zdtm/static/hooked ] || exit 1
case $1 in
--post-start) ;;
--pre-dump) after --post-start; kill -0 "$ZDTM_TEST_PID" || exit 1 ;;
--pre-restore) after --pre-dump; ! kill -0 "$(cat zdtm/static/hooked.pid)" 2>/dev/null || exit 1 ;;
--post-restore) after --pre-restore; kill -0 "$ZDTM_TEST_PID" && [ -s "$ZDTM_IMG_DIR/1/inventory.img" ] || exit 1 ;;
--clean) after --post-restore ;;
*) exit 1 ;;
esac
touch "seen$1"
`

const DESC: Record<string, string> = {
  fine: "# a comment\n{'flavor': 'h', 'timeout': '20',}",
  hooked: "{'flavor': 'h'}",
  badhook: "{'flavor': 'h'}",
  skipped: "{'flavor': 'h'}",
  nodeps: "{'flavor': 'ns', 'deps': ['/bin/sh', '/no/such/file|/nor/this']}",
  refused: "{'flavor': 'h', 'flags': 'suid crfail', 'dopts': '--no-such-option'}",
  accepted: "{'flavor': 'h', 'flags': 'crfail'}",
  computed: "os.getenv('X') or {}",
  other: "{'flavor': 'h', 'arch': 's390x'}",
  unable: "{'flavor': 'h', 'feature': 'no_such_feature'}",
  stray: "{'flavor': 'h'}",
}

const EXPECTED: Record<string, [string, RegExp?]> = {
  fine: ['pass'],
  hooked: ['pass'],
  badhook: ['fail', /exit 3: it must not be/],
  skipped: ['not-applicable', /checkskip ends with exit 1: not here/],
  nodeps: ['not-applicable', /none of its deps \/no\/such\/file, \/nor\/this/],
  refused: ['pass'],
  accepted: ['fail', /success/],
  computed: ['not-applicable', /no literal/],
  other: ['not-applicable', /s390x/],
  unable: ['not-applicable', /no_such_feature/],
  stray: ['not-applicable', /Makefile/],
  notbuilt: ['not-applicable', /not built/],
}

t.test('a Makefile has the arguments of its tests', async (t) => {
  const parameters = readParameters(MAKEFILE)
  t.same(parameters.get('fine'), ['--pidfile=fine.pid', '--outfile=fine.out'])
  t.same(parameters.get('filed'), [
    '--pidfile=filed.pid',
    '--outfile=filed.out',
    '--filename=filed.test',
  ])
  t.same(parameters.get('own'), ['--pidfile=own.pid', '--outfile=own.out', '--mask=0345'])
  t.equal(parameters.size, 13, [...parameters.keys()].join(' '))
})

t.test(
  'a file runs in another root with the libraries that it is linked to',
  { skip: process.getuid?.() === 0 ? false : 'chroot needs root' },
  async (t) => {
    const root = mkdtempSync(`${tmpdir()}/criu-remote-test-`)
    t.teardown(() => rmSync(root, { recursive: true }))
    mkdirSync(`${root}/usr`)
    for (const each of ['bin', 'lib', 'lib64']) {
      mkdirSync(`${root}/${each}`)
      symlinkSync(`../${each}`, `${root}/usr/${each}`)
    }
    await execa('cp', [
      '-rL',
      '--parents',
      ...(await withLibraries('/no/such/file|/bin/sh', true)),
      root,
    ])
    const { exitCode } = await execa('chroot', [root, '/bin/sh', '-c', 'exit 7'], { reject: false })
    t.equal(exitCode, 7)
    await t.rejects(withLibraries('/no/such/file', true), /expected one of/)
  },
)

t.test('a directory that is no checkout of CRIU is wrong usage', async (t) => {
  const { exitCode, stderr } = await zdtm('-a', '--criu-source', checkout)
  t.equal(exitCode, 2)
  t.match(stderr, /expected a checkout of CRIU/)
})

await onRealCriu(async ({ source }) => {
  await t.test('each outcome of a test in a checkout', async (t) => {
    const directory = mkdtempSync(`${tmpdir()}/criu-remote-test-`)
    t.teardown(() => rmSync(directory, { recursive: true }))
    makeCheckout(directory, await ownProgram(source, 'static/env'))
    const report = `${directory}/report`
    const parameters = [
      '-a',
      '-p',
      '2',
      '--keep-going',
      '--criu-source',
      directory,
      '--report',
      report,
    ]
    const { exitCode, stdout } = await zdtm(...parameters)
    t.equal(exitCode, 1, stdout)
    const cases = await casesIn(report)
    for (const [name, [outcome, actual = /^/]] of Object.entries(EXPECTED)) {
      const result = cases.find(({ group }) => group === `zdtm/static/${name}`)
      t.equal(result?.outcome, outcome, `${name}: ${result?.what} ${result?.actual}`)
      t.match(result?.actual ?? '', actual)
    }
    t.equal(cases.length, Object.keys(EXPECTED).length)
    t.ok(
      statSync(`${report}/images/zdtm_static_badhook_h/1/inventory.img`).size > 0,
      'the images of a failed test are saved',
    )
    t.ok(existsSync(`${report}/images/zdtm_static_badhook_h/dump.log`))
    t.notOk(existsSync(`${report}/images/zdtm_static_fine_h`), 'those of a passed test are not')
  })
})

function makeCheckout(directory: string, program: Buffer): void {
  const folder = `${directory}/test/zdtm/static`
  mkdirSync(folder, { recursive: true })
  writeFileSync(
    `${directory}/test/zdtm.desc`,
    "{'dir': 'zdtm/', 'exclude': [ 'static/left-out' ] }",
  )
  writeFileSync(
    `${folder}/Makefile`,
    MAKEFILE.replace('filed $(MORE)', '').replace(/^own.pid.*\n.*\n/m, ''),
  )
  const executable = (name: string, content: string | Buffer) => {
    writeFileSync(`${folder}/${name}`, content)
    chmodSync(`${folder}/${name}`, 0o755)
  }
  for (const name of [...Object.keys(DESC), 'left-out']) executable(name, program)
  for (const [name, text] of Object.entries(DESC)) writeFileSync(`${folder}/${name}.desc`, text)
  executable('hooked.hook', HOOK)
  executable(
    'badhook.hook',
    '#!/bin/sh\n[ "$1" != --pre-restore ] || { echo it must not be; exit 3; }',
  )
  executable('skipped.checkskip', '#!/bin/sh\necho not here\nexit 1')
}
