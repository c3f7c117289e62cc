import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { execa } from 'execa'
import t from 'tap'
import { checkout } from './checkout.ts'
import { connectHere } from './connected.ts'
import { ProcessStarter } from './process-starter.ts'

/*
 * The small program init.c starts processes, exchanges bytes with them, and ends them at its own
 * end.
 */

const directory = mkdtempSync(`${tmpdir()}/criu-remote-test-`)
t.teardown(() => rmSync(directory, { recursive: true }))
const program = `${directory}/init`
await execa('gcc', ['-O2', '-o', program, `${checkout}/harness/native/init.c`])

t.test('a process has its output, environment, directory and exit code', async (t) => {
  const starter = await ProcessStarter.start(connectHere, [program])
  t.teardown(() => starter.stop())
  const lines: string[] = []
  const command = ['sh', '-c', 'pwd; echo "$WORD"; echo trouble >&2; cat; exit 7']
  const { exited } = await starter.start(command, {
    environment: { WORD: 'a b' },
    workingDirectory: '/usr',
    onLine: (line) => lines.push(line),
  })
  t.match(await exited, { code: 7, stderr: 'trouble\n' })
  t.same(lines, ['/usr', 'a b'])
  const killed = await starter.start(['sleep', '60'])
  await killed.kill('SIGKILL')
  t.equal((await killed.exited).code, 128 + 9)
  t.equal((await (await starter.start(['/no/such/program'])).exited).code, 127)
})

t.test(
  'a connected process gets all bytes, also the bytes that it does not read at once',
  async (t) => {
    const starter = await ProcessStarter.start(connectHere, [program])
    t.teardown(() => starter.stop())
    const bytes = Buffer.alloc(300_000, 'some bytes ')
    const got: Buffer[] = []
    const all = Promise.withResolvers<void>()
    const { write, kill, ended } = await starter.connect(
      ['sh', '-c', 'read -r go; exec cat'],
      (piece) => {
        got.push(piece)
        if (Buffer.concat(got).length === bytes.length) all.resolve()
      },
    )
    write(Buffer.from('go\n'))
    write(bytes)
    const other = await starter.start(['echo', 'not delayed'])
    t.match(await other.exited, { code: 0, stdout: 'not delayed\n' })
    await all.promise
    t.ok(Buffer.concat(got).equals(bytes))
    await kill()
    t.match(await ended, /^exit 137/)
  },
)

t.test('a connected process that does not read delays no other process', async (t) => {
  const starter = await ProcessStarter.start(connectHere, [program])
  t.teardown(() => starter.stop())
  const { write } = await starter.connect(['sleep', '60'], () => {})
  write(Buffer.alloc(1_000_000))
  t.match(await (await starter.start(['echo', 'here'])).exited, { code: 0, stdout: 'here\n' })
})

t.test('an inner starter uses the stream of the outer one, and ends with it', async (t) => {
  const outer = await ProcessStarter.start(connectHere, [program])
  const inner = await ProcessStarter.start(outer.connect, [program])
  const started = await inner.start(['sh', '-c', 'echo $PPID; exec sleep 60'])
  t.ok(started.pid > inner.holder, 'a child of the inner starter')
  await outer.stop()
  await inner.ended
  t.equal((await started.exited).code, 137)
  await t.rejects(inner.start(['true']), {
    name: 'HostError',
    message: /^starting true: the host has ended: exit 137: SIGKILL/,
  })
})

t.test('a command that does not become init.c is refused with its stderr', async (t) => {
  await t.rejects(ProcessStarter.start(connectHere, ['sh', '-c', 'echo not today >&2; exit 3']), {
    message: 'making a host: exit 3: not today',
  })
})
