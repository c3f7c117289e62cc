import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import t from 'tap'
import { printable } from '../printable.ts'
import { criuRemote } from '../testing/criu-remote.ts'

/* An implementation that prints escape sequences of a terminal. */

const directory = mkdtempSync('/tmp/criu-remote-printable-')
t.teardown(() => rmSync(directory, { recursive: true }))

t.test('the last words of a daemon that does not start cannot steer a terminal', async (t) => {
  const file = `${directory}/loud.json`
  const command = ['sh', '-c', 'printf "\\033]0;title\\007 \\033[31mred\\n" >&2; exit 1']
  writeFileSync(file, JSON.stringify({ name: 'loud', proxy: { command }, cache: { command } }))
  const { exitCode, stdout, stderr } = await criuRemote([
    'conform',
    '-i',
    file,
    '--only',
    'proxy-read-back',
  ])
  t.equal(exitCode, 3)
  t.match(stderr, /\\x1b\]0;title\\x07 \\x1b\[31mred/)
  t.equal(printable(stderr + stdout), stderr + stdout)
})

t.test('a wrong name is printed, not obeyed', async (t) => {
  const { stderr } = await criuRemote(['explain', 'W\u001b[2J'])
  t.match(stderr, /explaining W\\x1b\[2J: there is no such case/)
})
