import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, openSync, read, statSync, writevSync } from 'node:fs'
import { RemoteError } from '../../reference/index.ts'
import { IN_HEADER, MAX_TRANSFER } from './wire.ts'

/*
 * The kernel's side of the mount: /dev/fuse, the one place where FUSE enters.
 *
 * mount(8) is given the opened device and does the system call that Node lacks; nothing of libfuse is needed.
 * A request is read by a blocking read in libuv's thread pool: the device can't be polled from Node. There is one
 * read at a time: a second one gained nothing when measured, and took threads of the pool from everybody else. A
 * buffer is as large as the largest WRITE; requests without data are copied out of it, or a thousand waiting opens
 * would hold a gigabyte. While the read is under way, process.exit() would wait for its thread: unmount first.
 *
 * A mount outlives its server and then fails every access. So a watchdog in a session of its own holds a pipe from
 * this process, and unmounts when the pipe breaks: also after SIGKILL.
 */

const BUFFER = MAX_TRANSFER + 4096
/** Requests up to this size are copied out of their buffer, which can then be used again at once. */
const SMALL = 65_536
/**
 * Makes mount(8) use mount(2). With the newer calls it asks for the attributes of a mount that nobody serves yet, and on
 * Linux 6.1 waits for them for ever.
 */
const CLASSIC_MOUNT = { LIBMOUNT_FORCE_MOUNT2: 'always' }
/** What one writev(2) takes; a reply must be one. */
const PARTS = 1024
const MOUNT_OPTIONS = 'rootmode=40000,user_id=0,group_id=0,allow_other,nosuid,nodev,noexec'

export interface Device {
  /** Resolves when the kernel ended the connection: it was unmounted. */
  closed: Promise<void>
  reply(parts: readonly Buffer[]): void
  /** Aborts all requests and unmounts, also while files are open. */
  unmount(): Promise<void>
}

/** Mounts, and gives each request to `handle`, which is done with its bytes when its promise settles. */
export type OpenDevice = (handle: (request: Buffer) => Promise<void>) => Promise<Device>

/**
 * Mounts at `directory`. `inside` is the beginning of a command that runs the rest of it in the mount namespace to mount in; none for
 * this process's own. Throws RemoteError.
 */
export function deviceAt(directory: string, inside: readonly string[] = []): OpenDevice {
  return (handle) => mountDevice(directory, inside, handle)
}

async function mountDevice(
  directory: string,
  inside: readonly string[],
  handle: (request: Buffer) => Promise<void>,
): Promise<Device> {
  const found = statSync(directory, { throwIfNoEntry: false })
  if (!found?.isDirectory())
    throw new RemoteError('not-found', `mounting at ${directory}: expected a directory`)
  const run = (command: readonly string[], device?: number) =>
    runCommand([...inside, ...command], device)
  const fd = openDevice()
  try {
    await run(
      ['mount', '-i', '-t', 'fuse', '-o', `fd=3,${MOUNT_OPTIONS}`, 'criu-remote', directory],
      fd,
    )
  } catch (thrown) {
    closeSync(fd)
    throw thrown
  }
  const watchdog = startWatchdog([...inside, 'umount', '-f', '-l', directory])
  const closed = readRequests(fd, handle).then(() => {
    watchdog.kill('SIGKILL')
    closeSync(fd)
  })
  return {
    closed,
    reply: (parts) => reply(fd, parts),
    async unmount() {
      await run(['umount', directory])
        .catch(() => run(['umount', '-f', '-l', directory]))
        .catch(() => {})
      await closed
    },
  }
}

function openDevice(): number {
  try {
    return openSync('/dev/fuse', 'r+')
  } catch (thrown) {
    throw RemoteError.from(thrown, 'mounting: opening /dev/fuse')
  }
}

async function readRequests(fd: number, handle: (request: Buffer) => Promise<void>): Promise<void> {
  const free: Buffer[] = []
  for (;;) {
    const buffer = free.pop() ?? Buffer.allocUnsafeSlow(BUFFER)
    const bytes = await readDevice(fd, buffer)
    if (bytes === 'unmounted') return
    if (bytes >= IN_HEADER) dispatch(buffer, bytes, free, handle)
    else free.push(buffer)
  }
}

function dispatch(
  buffer: Buffer,
  bytes: number,
  free: Buffer[],
  handle: (request: Buffer) => Promise<void>,
): void {
  if (bytes <= SMALL) {
    void handle(Buffer.from(buffer.subarray(0, bytes)))
    free.push(buffer)
  } else {
    void handle(buffer.subarray(0, bytes)).finally(() => free.push(buffer))
  }
}

/** Bytes of the next request; 0 for one that was taken back, or whose caller was interrupted. */
function readDevice(fd: number, buffer: Buffer): Promise<number | 'unmounted'> {
  return new Promise((resolve, reject) => {
    read(fd, buffer, 0, buffer.length, null, (error, bytes) => {
      if (error === null) resolve(bytes)
      else if (error.code === 'ENODEV' || error.code === 'ECONNABORTED') resolve('unmounted')
      else if (error.code === 'ENOENT' || error.code === 'EINTR' || error.code === 'EAGAIN')
        resolve(0)
      else reject(RemoteError.from(error, 'reading /dev/fuse'))
    })
  })
}

/** An error here means that nobody waits for the reply any more. */
function reply(fd: number, parts: readonly Buffer[]): void {
  try {
    writevSync(fd, parts.length > PARTS ? [Buffer.concat(parts)] : parts)
  } catch {}
}

function startWatchdog(unmount: readonly string[]): ChildProcess {
  const watchdog = spawn(
    'sh',
    ['-c', 'cat >/dev/null; exec "$@" 2>/dev/null', 'watchdog', ...unmount],
    {
      detached: true,
      stdio: ['pipe', 'ignore', 'ignore'],
    },
  )
  watchdog.on('error', () => {})
  watchdog.stdin.on('error', () => {})
  watchdog.unref()
  ;(watchdog.stdin as unknown as { unref(): void }).unref()
  return watchdog
}

function runCommand(command: readonly string[], device?: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(command[0] as string, command.slice(1), {
      env: { ...process.env, ...CLASSIC_MOUNT },
      stdio: ['ignore', 'ignore', 'pipe', ...(device === undefined ? [] : [device])],
    })
    let errors = ''
    child.stderr?.on('data', (text) => {
      errors += text
    })
    child.on('error', (error) => reject(RemoteError.from(error, `running ${command[0]}`)))
    child.on('close', (code) => {
      if (code === 0) resolve()
      else
        reject(
          new RemoteError(
            'internal',
            `running ${command.join(' ')}: ${errors.trim().replaceAll('\n', ' ') || `exit ${code}`}`,
          ),
        )
    })
  })
}
