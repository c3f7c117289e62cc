import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { execa } from 'execa'
import t, { type Test } from 'tap'
import { finishDump, finishRestore, readImage, writeImage } from '../../reference/client.ts'
import { main, node } from '../testing/criu-remote.ts'

/* The command line as a user sees it: its output, its exit codes, and the files that it leaves. */

const directory = mkdtempSync('/tmp/criu-remote-cli-')
t.teardown(() => rmSync(directory, { recursive: true }))

const criuRemote = (...parameters: string[]) =>
  execa(node, [...main, ...parameters], { reject: false, timeout: 20_000, stdin: 'ignore' })

t.test('--help of every command prints its usage and exits 0', async (t) => {
  const { stdout } = await criuRemote('--help')
  const commands = [...stdout.matchAll(/^ {2}([a-z]+) .*\[options\]/gm)].map(
    ([, command]) => command as string,
  )
  t.ok(commands.length >= 5, commands.join(' '))
  for (const command of commands) {
    const help = await criuRemote(command, '--help')
    t.equal(help.exitCode, 0, command)
    t.match(help.stdout, /Usage: criu-remote [a-z]+ \[options\].*-h, --help/s)
  }
})

t.test('an error prints one line that names the value, file, program or address', async (t) => {
  const live = createServer().listen(`${directory}/live.sock`)
  const port = createServer().listen(0, '127.0.0.1')
  t.teardown(() => {
    live.close()
    port.close()
  })
  await Promise.all(
    [once(live, 'listening'), once(port, 'listening')].map((each) => each.catch(() => {})),
  )
  writeFileSync(`${directory}/file`, 'not a socket')
  writeFileSync(`${directory}/bad.yaml`, 'name: x\nproxy: { command: [a], sockets: b }\n')
  const occupied = (port.address() as { port: number }).port
  const cases: [string[], number, RegExp][] = [
    [[], 2, /Usage/],
    [['nonsense'], 2, /unknown command 'nonsense'/],
    [['proxy'], 2, /--connect HOST:PORT or --inherit-fd/],
    [['proxy', '--connect', 'nowhere'], 2, /--connect.*'nowhere'.*HOST:PORT/],
    [['proxy', '--connect', '127.0.0.1:99999'], 2, /99999/],
    [['proxy', '--connect', '127.0.0.1:1', '--dialect', 'klingon'], 2, /klingon/],
    [['proxy', '--connect', '127.0.0.1:1', '--max-memory', '12x'], 2, /12x/],
    [['proxy', '--connect', '127.0.0.1:1', '--inherit-fd', '3'], 2, /cannot be used with/],
    [['proxy', '--inherit-fd', '77', '--socket', `${directory}/a.sock`], 3, /file descriptor 77/],
    [
      ['proxy', '--connect', '127.0.0.1:1', '--socket', `${directory}/a.sock`],
      3,
      /127\.0\.0\.1:1.*ECONNREFUSED/,
    ],
    [
      ['cache', '--listen', '127.0.0.1:0', '--socket', `${directory}/live.sock`],
      3,
      /live\.sock: a live daemon/,
    ],
    [
      ['cache', '--listen', '127.0.0.1:0', '--socket', `${directory}/file`],
      3,
      /file: expected a socket/,
    ],
    [
      ['cache', '--listen', '127.0.0.1:0', '--socket', `${directory}/no/such/dir.sock`],
      3,
      /no\/such\/dir\.sock/,
    ],
    [
      ['cache', '--listen', `127.0.0.1:${occupied}`, '--socket', `${directory}/a.sock`],
      3,
      new RegExp(`${occupied}.*EADDRINUSE`),
    ],
    [
      ['mount', `${directory}/nowhere`, '--proxy', `${directory}/a.sock`],
      3,
      /nowhere: expected a directory/,
    ],
    [['mount', directory], 2, /--proxy SOCKET or --cache SOCKET/],
    [['migrate'], 2, /--command 'SHELL COMMAND' or --pid PID/],
    [['migrate', '--command', 'x', '--pid', '1'], 2, /cannot be used with/],
    [['migrate', '--pid', '-1'], 2, /-1/],
    [['migrate', '--command', 'x', '--pre-dumps', 'many'], 2, /many/],
    [['migrate', '--command', 'x', '-i', `${directory}/none.yaml`], 2, /none\.yaml/],
    [
      ['migrate', '--command', 'x', '-i', `${directory}/bad.yaml`],
      2,
      /bad\.yaml: proxy: unknown key sockets/,
    ],
    [['migrate', '--command', 'x', '--source', 'moon', '--destination', 'local'], 3, /moon/],
    [
      [
        'migrate',
        '--command',
        'x',
        '--source',
        'local',
        '--destination',
        'local',
        '--criu',
        '/no/criu',
      ],
      3,
      /\/no\/criu/,
    ],
  ]
  for (const [parameters, exitCode, text] of cases) {
    const result = await criuRemote(...parameters)
    t.equal(result.exitCode, exitCode, `criu-remote ${parameters.join(' ')}`)
    t.match(result.stderr, text)
    t.notMatch(result.stderr, /^ {4}at /m, 'no stack trace')
  }
  t.notOk(existsSync(`${directory}/a.sock`), 'no socket is left')
})

t.test(
  'proxy and cache print a ready line, serve images, and exit 0 after a clean end',
  async (t) => {
    const cache = await start(
      t,
      'cache',
      '--listen',
      '127.0.0.1:0',
      '--socket',
      `${directory}/c.sock`,
    )
    const proxy = await start(
      t,
      'proxy',
      '--connect',
      `127.0.0.1:${cache.ready['port']}`,
      '--socket',
      `${directory}/p.sock`,
    )
    await writeImage(`${directory}/p.sock`, '1', 'a.img', Buffer.from('bytes'))
    await finishDump(`${directory}/p.sock`)
    t.equal(await exit(proxy.child), 0)
    t.same(await readImage(`${directory}/c.sock`, '1', 'a.img'), Buffer.from('bytes'))
    await finishRestore(`${directory}/c.sock`)
    t.equal(await exit(cache.child), 0)
    t.notOk(
      existsSync(`${directory}/c.sock`) || existsSync(`${directory}/p.sock`),
      'no socket is left',
    )
  },
)

t.test('a signal ends a daemon with exit 1 and one line, and without a socket', async (t) => {
  const cache = await start(
    t,
    'cache',
    '--listen',
    '127.0.0.1:0',
    '--socket',
    `${directory}/s.sock`,
  )
  cache.child.kill('SIGTERM')
  t.equal(await exit(cache.child), 1)
  t.match(cache.stderr(), /ended by SIGTERM\n$/)
  t.notOk(existsSync(`${directory}/s.sock`))
})

t.test('a proxy that loses its cache exits 1 and prints the reason', async (t) => {
  const cache = await start(
    t,
    'cache',
    '--listen',
    '127.0.0.1:0',
    '--socket',
    `${directory}/l.sock`,
  )
  const proxy = await start(
    t,
    'proxy',
    '--connect',
    `127.0.0.1:${cache.ready['port']}`,
    '--socket',
    `${directory}/m.sock`,
  )
  cache.child.kill('SIGKILL')
  t.equal(await exit(proxy.child), 1)
  t.match(proxy.stderr(), /forwarding images to the cache: .*\n$/)
})

async function start(t: Test, ...parameters: string[]) {
  const child = spawn(node, [...main, ...parameters], { stdio: ['ignore', 'pipe', 'pipe'] })
  t.teardown(() => void child.kill('SIGKILL'))
  let stderr = ''
  child.stderr.on('data', (text) => {
    stderr += text
  })
  const [line] = (await once(child.stdout, 'data')) as [Buffer]
  return {
    child,
    ready: JSON.parse(line.toString()) as Record<string, unknown>,
    stderr: () => stderr,
  }
}

async function exit(child: ChildProcess): Promise<number | null> {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'close')
  return child.exitCode
}
