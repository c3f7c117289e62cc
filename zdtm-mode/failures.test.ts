import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import t from 'tap'
import type { CaseResult } from '../harness/conformance/result.ts'
import { onRealCriu } from '../harness/testing/real-criu.ts'
import { ownProgram, runTests } from '../harness/testing/zdtm.ts'

/*
 * Each kind of failure is reported as that kind, and does not affect the next test. Hooks cause the
 * failures: they run in the test's own host, where they can kill or stop a proxy or cache at a
 * known moment.
 */

interface FailingTest {
  /** The shell command that causes the failure, and the hook's stage. */
  at?: string
  act?: string
  /** Keys of the .desc. */
  desc?: string
  expected: Partial<Record<keyof CaseResult, string | RegExp>>
}

/** A program that gets ready and reports a lost state when it is asked for its verdict. */
const WRONG = `#!/bin/sh
for each; do
  case $each in --pidfile=*) pid=\${each#*=};; --outfile=*) out=\${each#*=};; esac
done
setsid sh -c '
  trap "echo FAIL: wrong.c:1: the state is lost >$0.part; mv $0.part $0; exit" TERM
  sleep 1000 & wait' "$out" </dev/null >/dev/null 2>&1 &
echo $! >"$pid"
`

/** Kills the proxy at a random moment of the dump; the dump may be over by then. */
const AT_RANDOM = `(sleep 0.$(shuf -i 0-9 -n 1); pkill -KILL -f ' proxy ') >/dev/null 2>&1 &`

const TESTS: Record<string, FailingTest> = {
  // First, since it takes longest: criu's deadline is four times the test's timeout.
  cachehangs: {
    at: '--pre-restore',
    act: "pkill -STOP -f ' cache '",
    desc: "'timeout': '3'",
    expected: {
      outcome: 'fail',
      what: 'criu',
      actual: /criu restore on .*: no end within 12000 ms/,
      stderr: /restore|kerndat|criu/i,
    },
  },
  wrong: {
    expected: {
      outcome: 'fail',
      what: 'the verdict of the program',
      actual: /FAIL: wrong.c:1: the state is lost/,
    },
  },
  refused: {
    desc: "'dopts': '--no-such-option'",
    expected: { outcome: 'fail', what: 'criu', actual: /criu dump .*no-such-option/s },
  },
  proxydies: {
    at: '--pre-dump',
    act: "pkill -KILL -f ' proxy '",
    expected: { outcome: 'fail', what: 'the proxy', actual: /proxy: exit 137/ },
  },
  cachedies: {
    at: '--pre-restore',
    act: "pkill -KILL -f ' cache '",
    expected: { outcome: 'fail', what: 'the cache', actual: /cache: exit 137/ },
  },
  randomly: {
    at: '--pre-dump',
    act: AT_RANDOM,
    expected: { outcome: /^(fail|pass)$/, what: /^(the proxy|the end of the proxy|undefined)$/ },
  },
  zfine: { expected: { outcome: 'pass' } },
}

await onRealCriu(async ({ source }) => {
  await t.test('failures of a program, of criu, of a proxy and of a cache', async (t) => {
    const directory = mkdtempSync(`${tmpdir()}/criu-remote-test-`)
    t.teardown(() => rmSync(directory, { recursive: true }))
    makeCheckout(directory, await ownProgram(source, 'static/env'))
    const tests = Object.keys(TESTS).map((name) => `zdtm/static/${name} h`)
    const { exitCode, said, cases } = await runTests(tests, '--criu-source', directory)
    t.equal(exitCode, 1, said)
    t.equal(cases.length, tests.length)
    for (const [name, { expected }] of Object.entries(TESTS)) {
      const result = cases.find(({ group }) => group === `zdtm/static/${name}`)
      for (const [key, value] of Object.entries(expected))
        t.match(String(result?.[key as keyof CaseResult]), value, `${name}: ${key}`)
    }
    for (const { id, duration } of cases) t.comment(`${id}: ${duration} ms`)
  })
})

/** Makes a checkout of CRIU with these tests; each but `wrong` is the given program. */
function makeCheckout(directory: string, program: Buffer): void {
  const folder = `${directory}/test/zdtm/static`
  mkdirSync(folder, { recursive: true })
  const names = Object.keys(TESTS)
  writeFileSync(`${directory}/test/zdtm.desc`, "{'dir': 'zdtm/'}")
  writeFileSync(
    `${folder}/Makefile`,
    `TESTS := ${names.join(' ')}\n$(TESTS:%=%.pid): %.pid: %\n\t$(<D)/$(<F) --pidfile=$@ --outfile=$<.out\n`,
  )
  const executable = (name: string, content: string | Buffer) => {
    writeFileSync(`${folder}/${name}`, content)
    chmodSync(`${folder}/${name}`, 0o755)
  }
  for (const [name, { at, act, desc = '' }] of Object.entries(TESTS)) {
    executable(name, name === 'wrong' ? WRONG : program)
    writeFileSync(`${folder}/${name}.desc`, `{'flavor': 'h', 'flags': 'suid', ${desc}}`)
    if (act !== undefined) executable(`${name}.hook`, `#!/bin/sh\n[ "$1" != ${at} ] || { ${act}\n}`)
  }
}
