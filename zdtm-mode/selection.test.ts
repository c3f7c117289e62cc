import t from 'tap'
import { zdtm } from '../harness/testing/zdtm.ts'

/* What `criu-remote zdtm run` makes of what it is asked for. */

t.test('what selects nothing is wrong usage', async (t) => {
  for (const [parameters, text] of [
    [[], /expected -t, -T, -a or -F/],
    [['-t', 'zdtm/static/none'], /there is no such test/],
    [['-T', 'nothing'], /at least one/],
    [['-T', '('], /selecting tests by/],
    [['-a', '-f', 'x'], /a list of h, ns and uns/],
    [['-F', '/no/file'], /no such file/],
  ] as const) {
    const { exitCode, stderr } = await zdtm(...parameters)
    t.equal(exitCode, 2, stderr)
    t.match(stderr, text)
  }
})

t.test('a dry run names tests and flavors', async (t) => {
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
