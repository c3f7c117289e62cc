import { close, openSync } from 'node:fs'
import { lstat, stat, unlink } from 'node:fs/promises'
import { createServer, type Server, Socket } from 'node:net'
import { basename, dirname } from 'node:path'
import { isSystemError, RemoteError } from '../../proto/error.ts'

/*
 * UNIX sockets at paths of any length, for their owner only, without taking a live daemon's.
 *
 * The address of a UNIX socket holds 107 bytes. A longer path is reached through its directory, opened and named
 * as /proc/self/fd/N: CRIU does the same with a relative name, but changing the working directory of a
 * process that hosts several daemons would be seen by all of them (L1).
 */

const ADDRESS_LIMIT = 107
const OWNER_ONLY = 0o177

/** Listens at `path`, mode 0600. A socket file that nobody listens on is replaced; `socket-in-use` if somebody does. */
export async function listenUnix(path: string, accept: (socket: Socket) => void): Promise<Server> {
  await stat(dirname(path)).catch(throwNoDirectory(path))
  await removeStale(path)
  const { address, done } = shortAddress(path)
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, accept)
  server.once('close', done)
  const before = process.umask(OWNER_ONLY)
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject).listen({ path: address, backlog: 4096 }, resolve)
      process.umask(before)
    })
  } catch (thrown) {
    done()
    throw new RemoteError(
      'socket-in-use',
      `listening on ${path}: ${RemoteError.from(thrown, 'bind').message}`,
      { cause: thrown },
    )
  } finally {
    process.umask(before)
  }
  server.removeAllListeners('error').on('error', () => {})
  return server
}

/** Connects to the UNIX socket at `path`; throws `connection-lost` if nobody listens there. */
export async function connectUnix(path: string): Promise<Socket> {
  const { address, done } = shortAddress(path)
  const socket = new Socket({ allowHalfOpen: true })
  return new Promise<Socket>((resolve, reject) => {
    socket.once('error', (error) =>
      reject(
        new RemoteError('connection-lost', `connecting to ${path}: ${error.message}`, {
          cause: error,
        }),
      ),
    )
    socket.connect({ path: address }, () =>
      resolve(socket.removeAllListeners('error').on('error', () => {})),
    )
  }).finally(done)
}

/** Without it the reason would be EACCES, which Node makes of a bind in a directory that is not there. */
const throwNoDirectory = (path: string) => (thrown: Error) => {
  throw new RemoteError('socket-in-use', `listening on ${path}: ${thrown.message}`, {
    cause: thrown,
  })
}

async function removeStale(path: string): Promise<void> {
  const file = await lstat(path).catch(() => undefined)
  if (file === undefined) return
  if (!file.isSocket())
    throw new RemoteError(
      'socket-in-use',
      `listening on ${path}: expected a socket or nothing there, got another file`,
    )
  const live = await connectUnix(path).catch((thrown: RemoteError) => {
    if (isSystemError(thrown.cause, 'ECONNREFUSED')) return undefined
    throw thrown
  })
  live?.destroy()
  if (live !== undefined)
    throw new RemoteError('socket-in-use', `listening on ${path}: a live daemon listens there`)
  await unlink(path)
}

function shortAddress(path: string): { address: string; done: () => void } {
  if (Buffer.byteLength(path) <= ADDRESS_LIMIT) return { address: path, done: () => {} }
  let directory: number | undefined
  try {
    directory = openSync(dirname(path), 'r')
  } catch (thrown) {
    throw RemoteError.from(thrown, `opening the directory of ${path}`)
  }
  const done = () => {
    if (directory !== undefined) close(directory)
    directory = undefined
  }
  return { address: `/proc/self/fd/${directory}/${basename(path)}`, done }
}
