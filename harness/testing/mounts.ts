import { existsSync } from 'node:fs'
import { chmod, mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { execa } from 'execa'
import { createLog, type Daemon, dialect, startCache, startProxy } from '../../reference/index.ts'
import { deviceAt } from '../mount/device.ts'
import { mountImages } from '../mount/mount.ts'
import type { Session } from '../mount/session.ts'
import { type Started, started } from './command.ts'
import type { Scope } from './peer.ts'

/*
 * For tests of the mount: mounts of a running proxy and cache, used as CRIU uses them.
 *
 * This process serves the mounts, so it must not access them: its file operation would wait in the
 * thread pool for this process itself, for ever. All access is in child processes: shell commands,
 * and Python scripts for particular system calls. Every child has a deadline, and the teardown
 * always unmounts.
 */

export const needs = {
  skip:
    process.getuid?.() === 0 && existsSync('/dev/fuse')
      ? false
      : ('needs root and /dev/fuse' as const),
}

export interface Workspace {
  directory: string
  /** Runs a shell script in the directory and returns its output, as in Started. */
  sh(script: string): Promise<string>
  /** Runs a Python script after PRELUDE and returns its output, as in Started. */
  python(script: string): Promise<string>
  start(script: string): Started
  startPython(script: string): Started
  /** Makes a subdirectory and mounts there. */
  mount(name: string, server: string, side: 'proxy' | 'cache'): Promise<Session>
  /** Path and size of each image that a mount reported as written. */
  written: string[]
}

export interface Migration extends Workspace {
  proxy: Daemon
  cache: Daemon
  source: Session
  destination: Session
}

const log = createLog('error', () => {})
export const CLI = join(import.meta.dirname, '../cli/main.ts')

/**
 * The beginning of every Python script. `tried` returns the result of a call, or the name of its
 * errno.
 */
const PRELUDE = `
import errno, fcntl, os, random, socket, sys
def tried(call, *args, **named):
    try: return call(*args, **named)
    except OSError as error: return errno.errorcode[error.errno]
def create(path): return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
def report(*values): print(*values, flush=True)
`

/**
 * Makes a private directory. The teardown kills, unmounts and removes everything, and fails if a
 * mount is left.
 */
export async function workspace(t: Scope): Promise<Workspace> {
  const directory = await mkdtemp(join(tmpdir(), `mount-${process.pid}-`))
  await chmod(directory, 0o755)
  const sessions: Session[] = []
  const children = new Set<Started>()
  const written: string[] = []
  const launch = (command: string, parameters: string[]) => {
    const child = started(command, parameters, directory)
    children.add(child)
    // `output` never rejects.
    void child.output.then(() => children.delete(child))
    return child
  }
  const start = (script: string) => launch('bash', ['-c', script])
  const startPython = (script: string) => launch('python3', ['-c', PRELUDE + script])

  t.teardown(async () => {
    for (const child of children) child.kill('SIGKILL')
    await Promise.all(sessions.map((session) => session.unmount()))
    const left = (await mountsBelow(directory)).map((at) =>
      execa('umount', ['-f', '-l', at], { reject: false }),
    )
    await Promise.all(left)
    await rm(directory, { recursive: true })
    if (left.length > 0) throw new Error(`expected no mount to be left, got ${left.length}`)
  })

  return {
    directory,
    written,
    start,
    startPython,
    sh: (script) => start(script).output,
    python: (script) => startPython(script).output,
    async mount(name, server, side) {
      await mkdir(join(directory, name))
      const onWritten = (path: string, size: number) => written.push(`${path} ${size}`)
      const session = await mountImages({
        device: deviceAt(join(directory, name)),
        server,
        side,
        dialect: dialect('auto'),
        log,
        onWritten,
      })
      sessions.push(session)
      return session
    },
  }
}

/**
 * Starts a proxy, mounted at `s`, and a cache, mounted at `d`. Their sockets are `proxy.sock` and
 * `cache.sock`.
 */
export async function migration(t: Scope): Promise<Migration> {
  const place = await workspace(t)
  const at = (name: string) => join(place.directory, name)
  const cache = await startCache({
    socket: at('cache.sock'),
    link: { host: '127.0.0.1', port: 0 },
    log,
  })
  t.teardown(() => cache.stop('the test is over'))
  const proxy = await startProxy({
    socket: at('proxy.sock'),
    link: cache.address as { host: string; port: number },
    log,
  })
  t.teardown(() => proxy.stop('the test is over'))
  const source = await place.mount('s', at('proxy.sock'), 'proxy')
  const destination = await place.mount('d', at('cache.sock'), 'cache')
  return { ...place, proxy, cache, source, destination }
}

/**
 * Starts a server in Python, in its own process, for misbehaviour that the reference does not have.
 * Its script can use accept(), which returns the connection for an image and answers others before
 * it with ENOENT; send(); end(), which closes a connection; line(), which waits for a line of
 * `tell`; is_called(), whether a connection waits to be accepted; die(); serve(), which answers
 * every connection with ENOENT; and OK, the reply that an image exists.
 */
export async function fakeServer(
  t: Scope,
  directory: string,
  script: string,
): Promise<Started & { socket: string }> {
  const socket = join(directory, 'fake.sock')
  const server = started('python3', ['-c', `${FAKE_SERVER}${script}`, socket], directory)
  t.teardown(() => server.kill('SIGKILL'))
  await server.printed('ready')
  return { ...server, socket }
}

let caches = 0

/**
 * Starts a proxy in its own process, which a test can kill, and a cache that takes all its images.
 */
export async function daemon(
  t: Scope,
  { directory }: Workspace,
): Promise<Started & { socket: string }> {
  const cache = await startCache({
    socket: join(directory, `cache-${caches++}.sock`),
    link: { host: '127.0.0.1', port: 0 },
    log,
  })
  t.teardown(() => cache.stop('the test is over'))
  const { host, port } = cache.address as { host: string; port: number }
  const socket = join(directory, 'proxy.sock')
  const parameters = [
    '--disable-warning=ExperimentalWarning',
    CLI,
    'proxy',
    '--socket',
    socket,
    '--connect',
    `${host}:${port}`,
  ]
  const proxy = started(process.execPath, parameters, directory)
  t.teardown(() => proxy.kill('SIGKILL'))
  await proxy.printed('"ready":true')
  return { ...proxy, socket }
}

const FAKE_SERVER = `
import os, select, signal, socket, sys
OK, ENOENT = bytes.fromhex('020000000800'), bytes.fromhex('020000000802')
server = socket.socket(socket.AF_UNIX)
server.bind(sys.argv[1])
server.listen()
print('ready', flush=True)
def accept(name=b'pages.img'):
    while True:
        image = server.accept()[0]
        if name in image.recv(65536): return image
        send(image, ENOENT)
        while image.recv(65536): pass
        end(image)
def send(image, bytes): image.sendall(bytes)
def end(image): image.close()
def line(): sys.stdin.readline()
def is_called(): return select.select([server], [], [], 0)[0] != []
def die(): os.kill(os.getpid(), signal.SIGKILL)
def serve(): accept(b'no such name')
`

/** Returns the mount points below a directory, as the kernel lists them. */
export async function mountsBelow(directory: string): Promise<string[]> {
  const { stdout } = await execa('findmnt', ['-rn', '-t', 'fuse', '-o', 'TARGET'], {
    reject: false,
  })
  return stdout.split('\n').filter((target) => target.startsWith(`${directory}/`))
}
