import { createServer, type Server, Socket } from 'node:net'
import { RemoteError } from '../../proto/error.ts'

/*
 * The link: the one TCP connection from proxy to cache (W1), or a connected socket that was
 * inherited at exec.
 */

interface Address {
  host: string
  port: number
}

/** The source of the link: an address, or a file descriptor that is connected already. */
export type LinkEnd = Address | { fd: number }

/**
 * Returns the proxy's end of the link: connects, or takes over the inherited connection. Throws
 * RemoteError.
 */
export async function openLink(end: LinkEnd): Promise<Socket> {
  if ('fd' in end) return inherited(end.fd)
  const socket = new Socket({ allowHalfOpen: true })
  await new Promise<void>((resolve, reject) => {
    socket.once('error', (error) =>
      reject(
        new RemoteError(
          'connection-lost',
          `connecting to the cache at ${end.host}:${end.port}: ${error.message}`,
          { cause: error },
        ),
      ),
    )
    socket.connect(end, resolve)
  })
  socket.setNoDelay(true).setKeepAlive(true)
  return quiet(socket)
}

/** The cache's end of the link. */
export interface LinkListener {
  /** Resolves with the first connection; the cache accepts no other. */
  link: Promise<Socket>
  /** The address where the cache listens; undefined for an inherited connection. */
  address?: Address
  close(): void
}

/** Listens for the link, or takes over the inherited connection. Throws RemoteError. */
export async function awaitLink(end: LinkEnd): Promise<LinkListener> {
  if ('fd' in end) return { link: Promise.resolve(inherited(end.fd)), close: () => {} }
  const first = Promise.withResolvers<Socket>()
  const server = createServer(
    { allowHalfOpen: true, pauseOnConnect: true, keepAlive: true },
    (socket) => {
      server.close()
      if (accepted) return void socket.destroy()
      accepted = true
      first.resolve(quiet(socket))
    },
  )
  let accepted = false
  await listen(server, end)
  const { port } = server.address() as { port: number }
  return {
    link: first.promise,
    address: { host: end.host, port },
    close: () => void server.close(),
  }
}

function listen(server: Server, { host, port }: Address): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error) =>
      reject(
        new RemoteError('socket-in-use', `listening on ${host}:${port}: ${error.message}`, {
          cause: error,
        }),
      ),
    )
    server.listen({ host, port, backlog: 1 }, () => {
      server.removeAllListeners('error').on('error', () => {})
      resolve()
    })
  })
}

function inherited(fd: number): Socket {
  try {
    return quiet(new Socket({ fd, allowHalfOpen: true, readable: true, writable: true }))
  } catch (thrown) {
    throw RemoteError.from(
      thrown,
      `taking over file descriptor ${fd} as the connection between proxy and cache`,
    )
  }
}

/**
 * Keeps errors of the link from ending the process. The reader or writer of the link reports them.
 */
function quiet(socket: Socket): Socket {
  return socket.removeAllListeners('error').on('error', () => {})
}
