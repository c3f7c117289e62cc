import { close, openSync } from 'node:fs'
import { lstat, stat, unlink } from 'node:fs/promises'
import { createServer, type Server, Socket } from 'node:net'
import { basename, dirname } from 'node:path'
import { isSystemError, RemoteError } from '../../proto/error.ts'

/*
 * UNIX sockets at paths of any length, accessible to their owner only. The socket of a live daemon
 * is never replaced.
 *
 * The address of a UNIX socket holds 107 bytes. A longer path is reached through its opened
 * directory, as /proc/self/fd/N/NAME. CRIU uses a relative name for the same purpose. This process
 * may host several daemons, and a change of its working directory would affect all of them (L1).
 */

/** Longest path in a sockaddr_un, in bytes. */
const ADDRESS_LIMIT = 107
/** The umask that gives the socket mode 0600. */
const OWNER_ONLY = 0o177

/**
 * Listens at `path`, mode 0600. Replaces a socket file that has no listener. Throws `socket-in-use`
 * for one that has, and for any other file.
 */
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

/** Connects to the UNIX socket at `path`. Throws `connection-lost` if it has no listener. */
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

/** Reports a missing directory as such: for a bind there, Node would report EACCES. */
const throwNoDirectory = (path: string) => (thrown: Error) => {
  throw new RemoteError('socket-in-use', `listening on ${path}: ${thrown.message}`, {
    cause: thrown,
  })
}

/**
 * Removes a socket file without a listener. Throws `socket-in-use` for a live socket or another
 * file.
 */
async function removeStale(path: string): Promise<void> {
  const file = await lstat(path).catch(() => undefined)
  if (file === undefined) return
  if (!file.isSocket())
    throw new RemoteError(
      'socket-in-use',
      `listening on ${path}: expected a socket or no file there, got another file`,
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

/**
 * Returns an address for `path` that fits into a sockaddr_un. The caller calls `done` when the
 * address is used no longer.
 */
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
