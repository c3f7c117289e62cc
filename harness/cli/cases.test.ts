import t from 'tap'
import { criuRemote } from '../testing/criu-remote.ts'

/* `explain` and `--only` as a user types them, wrong names included. */

t.test('a clause and a case are found in upper and lower case', async (t) => {
  t.match(await criuRemote(['explain', 'w5']), { exitCode: 0, stdout: /^W5 \(/ })
  t.match(await criuRemote(['explain', 'Proxy-Read-Back']), {
    exitCode: 0,
    stdout: /^proxy-read-back \(/,
  })
})

for (const [words, message] of [
  [['explain', 'W55'], /no such clause, is W5 meant\?$/],
  [['explain', 'proxy-readback'], /no such clause, is proxy-read-back meant\?$/],
  [['explain', 'zebra'], /no such clause$/],
  [['conform', '--only', 'proxy-readback'], /--only proxy-readback, is proxy-read-back meant\?$/],
] as const) {
  t.test(`a wrong name is wrong usage: ${words.join(' ')}`, async (t) => {
    t.match(await criuRemote(words), { exitCode: 2, stderr: message })
  })
}
