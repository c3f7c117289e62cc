import t from 'tap'
import { clause } from '../conformance/register.ts'
import { criuRemote } from '../testing/criu-remote.ts'

/* `explain` and `--only` as a user types them, wrong names included. */

t.test('a clause and a case are found in upper and lower case', async (t) => {
  t.match(await criuRemote(['explain', 'w5']), { exitCode: 0, stdout: /^W5 \(/ })
  t.match(await criuRemote(['explain', 'Proxy-Read-Back']), {
    exitCode: 0,
    stdout: /^proxy-read-back \(/,
  })
})

for (const [id, example, loss] of [
  ['L10', 'proxy-list-is-read-at-once', /A dump with a parent fails/],
  ['E1a', 'proxy-finish-right-behind-writes', /no host has the process/],
  ['L7', 'proxy-reader-keeps-its-version', /takes a cut image as the whole one/],
  ['E1b', 'cache-finish-does-not-cut-readers', /a backup that can not be restored/],
] as const) {
  t.test(`the loss by a broken ${id} is explained, for a case of it as well`, async (t) => {
    t.match(clause(id).loss, loss)
    const line = `if it is broken: ${clause(id).loss}`
    t.match(await criuRemote(['explain', id]), { exitCode: 0, stdout: `\n${line}\n` })
    t.match(await criuRemote(['explain', example]), { exitCode: 0, stdout: `\n    ${line}\n` })
  })
}

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
