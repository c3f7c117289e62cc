import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import t from 'tap'
import { onceEach, planned, zdtm } from '../harness/testing/zdtm.ts'
import { kernelPath } from './launcher/choose-kernel.ts'

/* The tests that `criu-remote zdtm run` selects. */

const directory = mkdtempSync(`${tmpdir()}/criu-remote-test-`)
t.teardown(() => rmSync(directory, { recursive: true }))
const list = `${directory}/list`

t.test('a selection of nothing is wrong usage', async (t) => {
  writeFileSync(list, 'static/env x\n')
  for (const [parameters, text] of [
    [[], /expected -t, -T, -a or -F/],
    [['-t', 'zdtm/static/none'], /there is no such test/],
    [['-T', 'nothing'], /at least one/],
    [['-T', '('], /selecting tests by/],
    [['-a', '-f', 'x'], /a list of h, ns and uns/],
    [['-F', '/no/file'], /no such file/],
    [['-F', list], /expected h, ns or uns after static\/env, got x/],
  ] as const) {
    const { exitCode, stderr } = await zdtm(...parameters)
    t.equal(exitCode, 2, stderr)
    t.match(stderr, text)
  }
})

t.test('a dry run prints tests and flavors', async (t) => {
  const { exitCode, stdout } = await zdtm(
    '--dry-run',
    '-T',
    'zdtm/static/e',
    '-x',
    'events',
    '-f',
    'h,uns',
  )
  t.equal(exitCode, 0)
  t.same(stdout.split('\n'), ['zdtm/static/env h', 'zdtm/static/env uns'])
})

t.test('a list of tests may have flavors, as a dry run prints it', async (t) => {
  const lines = ['zdtm/static/env h', 'zdtm/static/env uns', 'zdtm/static/uts uns']
  writeFileSync(list, lines.join('\n'))
  t.same(await planned('-F', list), lines)
  writeFileSync(list, 'static/env\nstatic/env uns\nstatic/uts ns\n')
  t.same(await planned('-F', list, '-f', 'h,uns'), [
    'zdtm/static/env h',
    'zdtm/static/env uns',
    'zdtm/static/uts ns',
  ])
})

t.test('each program once: flavors and numbers of hosts take turns', async (t) => {
  const tests = await planned('-a')
  const [plain, other] = [onceEach(tests, 0), onceEach(tests, 1)]
  const programs = new Set(tests.map((line) => line.split(' ')[0])).size
  for (const selected of [plain, other]) {
    const lines = [...selected['1'], ...selected['2']]
    t.equal(lines.length, programs + 2, 'vanish in two flavors more')
    t.equal(lines.filter((line) => line.includes('/vanish ')).length, 3)
    t.ok(Math.abs(selected['1'].length - selected['2'].length) <= 2)
    for (const flavor of ['h', 'ns', 'uns'])
      t.ok(lines.filter((line) => line.endsWith(` ${flavor}`)).length >= programs / 4, flavor)
  }
  for (const hosts of ['1', '2'] as const) {
    const again = plain[hosts].filter((line) => other[hosts].includes(line))
    t.notMatch(
      again.join(' '),
      /static\/(?!vanish)|transition/,
      'another flavor or number of hosts each turn',
    )
  }
})

t.test("a kernel's path is absolute, and must exist", async (t) => {
  t.equal(kernelPath('host'), 'host')
  t.equal(kernelPath('auto'), 'auto')
  t.equal(kernelPath('.'), process.cwd())
  t.throws(() => kernelPath('no/kernel'), { name: 'SelectionError', message: /no such file/ })
})
