import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { execa } from 'execa'
import t from 'tap'
import { checkout } from './checkout.ts'
import { connectHere } from './connected.ts'
import { Init } from './init.ts'

/* Process 1 of hosts: it starts processes, talks to them, and to another of its kind, and takes them with it when it ends. */

const directory = mkdtempSync(`${tmpdir()}/criu-remote-test-`)
t.teardown(() => rmSync(directory, { recursive: true }))
const program = `${directory}/init`
await execa('gcc', ['-O2', '-o', program, `${checkout}/harness/native/init.c`])

t.test(
  'output, errors, environment, directory and exit code are those of the process',
  async (t) => {
    const init = await Init.start(connectHere, [program])
    t.teardown(() => init.stop())
    const lines: string[] = []
    const command = ['sh', '-c', 'pwd; echo "$WORD"; echo trouble >&2; cat; exit 7']
    const { exited } = await init.start(command, {
      environment: { WORD: 'a b' },
      workingDirectory: '/usr',
      onLine: (line) => lines.push(line),
    })
    t.match(await exited, { code: 7, stderr: 'trouble\n' })
    t.same(lines, ['/usr', 'a b'])
    const killed = await init.start(['sleep', '60'])
    await killed.kill('SIGKILL')
    t.equal((await killed.exited).code, 128 + 9)
    t.equal((await (await init.start(['/no/such/program'])).exited).code, 127)
  },
)

t.test(
  'a process that is talked to gets all bytes, also those that it does not read at once',
  async (t) => {
    const init = await Init.start(connectHere, [program])
    t.teardown(() => init.stop())
    const bytes = Buffer.alloc(300_000, 'some bytes ')
    const got: Buffer[] = []
    const all = Promise.withResolvers<void>()
    const { write, kill, ended } = await init.connect(
      ['sh', '-c', 'read -r go; exec cat'],
      (piece) => {
        got.push(piece)
        if (Buffer.concat(got).length === bytes.length) all.resolve()
      },
    )
    write(Buffer.from('go\n'))
    write(bytes)
    const other = await init.start(['echo', 'not delayed'])
    t.match(await other.exited, { code: 0, stdout: 'not delayed\n' })
    await all.promise
    t.ok(Buffer.concat(got).equals(bytes))
    await kill()
    t.match(await ended, /^exit 137/)
  },
)

t.test('one that does not read delays nobody', async (t) => {
  const init = await Init.start(connectHere, [program])
  t.teardown(() => init.stop())
  const { write } = await init.connect(['sleep', '60'], () => {})
  write(Buffer.alloc(1_000_000))
  t.match(await (await init.start(['echo', 'here'])).exited, { code: 0, stdout: 'here\n' })
})

t.test('one within another is reached by the stream of the outer, and ends with it', async (t) => {
  const outer = await Init.start(connectHere, [program])
  const inner = await Init.start(outer.connect, [program])
  const started = await inner.start(['sh', '-c', 'echo $PPID; exec sleep 60'])
  t.ok(started.pid > inner.holder, 'a child of the inner one')
  await outer.stop()
  await inner.ended
  t.equal((await started.exited).code, 137)
  await t.rejects(inner.start(['true']), {
    name: 'HostError',
    message: /^starting true: the host has ended: exit 137: SIGKILL/,
  })
})

t.test('what does not become that program is refused with what it said', async (t) => {
  await t.rejects(Init.start(connectHere, ['sh', '-c', 'echo not today >&2; exit 3']), {
    message: 'making a host: exit 3: not today',
  })
})
