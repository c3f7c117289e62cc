import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, openSync, read, statSync, writevSync } from 'node:fs'
import { RemoteError } from '../../reference/index.ts'
import { REQUEST_HEADER } from './requests.ts'
import { MAX_TRANSFER } from './wire.ts'

/*
 * The kernel's side of a mount on this machine: reads requests from /dev/fuse and writes replies to
 * it.
 *
 * mount(8) gets the opened device and makes the mount(2) system call, which Node lacks. libfuse is
 * not needed. A request is read by a blocking read in libuv's thread pool, because Node cannot poll
 * the device. Only one read is under way at a time: a second read was no faster when measured, and
 * it takes a thread of the pool from other work. A buffer is as large as the largest WRITE. Small
 * requests are copied out of it, because otherwise a thousand waiting opens would hold a gigabyte.
 * While a read is under way, process.exit() would wait for its thread, so a process must unmount
 * first.
 *
 * A mount outlives its server and then fails every access. So a watchdog process in its own session
 * holds a pipe from this process, and unmounts when the pipe breaks, which happens after SIGKILL as
 * well.
 */

/** Size of a request's buffer, in bytes: the largest WRITE and its headers. */
const BUFFER = MAX_TRANSFER + 4096
/**
 * Largest request, in bytes, that is copied out of its buffer, so that the buffer is free at once.
 */
const SMALL = 65_536
/**
 * Makes mount(8) use mount(2). With the newer system calls it asks for the attributes of the mount
 * before the mount is served, and on Linux 6.1 waits for them for ever.
 */
const CLASSIC_MOUNT = { LIBMOUNT_FORCE_MOUNT2: 'always' }
/** Largest number of parts that writev(2) takes. A reply must be one writev(2). */
const PARTS = 1024
const MOUNT_OPTIONS = 'rootmode=40000,user_id=0,group_id=0,allow_other,nosuid,nodev,noexec'

export interface Device {
  /** Resolves when the kernel has ended the connection after an unmount. */
  closed: Promise<void>
  reply(parts: readonly Buffer[]): void
  /** Aborts all requests and unmounts, even if files are open. */
  unmount(): Promise<void>
}

/**
 * Mounts and passes each request to `handle`, which must not use its bytes after its promise has
 * settled.
 */
export type OpenDevice = (handle: (request: Buffer) => Promise<void>) => Promise<Device>

/**
 * Mounts at `directory`. `inside` is a command prefix that runs a command in the mount namespace to
 * mount in; by default that is this process's own. Throws RemoteError.
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
  const fd = openDevice()
  const options = `fd=3,${MOUNT_OPTIONS}`
  const mount = [...inside, 'mount', '-i', '-t', 'fuse', '-o', options, 'criu-remote', directory]
  await run(mount, fd).catch((thrown) => {
    closeSync(fd)
    throw thrown
  })
  const watchdog = startWatchdog([...inside, 'umount', '-f', '-l', directory])
  const closed = readRequests(fd, handle).then(() => {
    watchdog.kill('SIGKILL')
    closeSync(fd)
  })
  return {
    closed,
    reply: (parts) => reply(fd, parts),
    async unmount() {
      await run([...inside, 'umount', directory])
        .catch(() => run([...inside, 'umount', '-f', '-l', directory]))
        .catch(() => {})
      await closed
    },
  }
}

/** Opens /dev/fuse; the descriptor becomes descriptor 3 of mount(8). */
function openDevice(): number {
  try {
    return openSync('/dev/fuse', 'r+')
  } catch (thrown) {
    throw RemoteError.from(thrown, 'mounting: opening /dev/fuse')
  }
}

/** Reads requests and passes them to `handle`. Resolves when the file system is unmounted. */
async function readRequests(fd: number, handle: (request: Buffer) => Promise<void>): Promise<void> {
  const free: Buffer[] = []
  for (;;) {
    const buffer = free.pop() ?? Buffer.allocUnsafeSlow(BUFFER)
    const bytes = await readDevice(fd, buffer)
    if (bytes === 'unmounted') return
    if (bytes >= REQUEST_HEADER) dispatch(buffer, bytes, free, handle)
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

/**
 * Reads the next request and returns its size in bytes; 0 if the request was withdrawn or the read
 * interrupted.
 */
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

/** Ignores errors: they mean that the caller no longer waits for the reply. */
function reply(fd: number, parts: readonly Buffer[]): void {
  try {
    writevSync(fd, parts.length > PARTS ? [Buffer.concat(parts)] : parts)
  } catch {}
}

/** Starts a process that unmounts when its standard input breaks. */
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

function run(command: readonly string[], device?: number): Promise<void> {
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
