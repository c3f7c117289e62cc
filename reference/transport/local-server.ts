import { once } from 'node:events'
import type { Server, Socket } from 'node:net'
import { RemoteError } from '../../proto/error.ts'
import { ENOENT, type LocalImage, localImage, localReply, purpose } from '../../proto/messages.ts'
import { imageName, type Log } from '../log.ts'
import type { Content } from '../memory/content.ts'
import { RESERVED, roomForConnections } from './room.ts'
import { drained, sendContent } from './send.ts'
import { ignoreSilence, onSilence } from './silence.ts'
import { SocketReader } from './socket-reader.ts'
import { connectUnix, listenUnix } from './unix-socket.ts'

/*
 * The UNIX side of a proxy or cache (clauses L): every open of an image is a connection of its own.
 *
 * One async function serves a connection from its header to its end. A failure ends that connection
 * with a logged reason and affects no other. When the dump or the restore is finished, connections
 * that have begun may still complete, and a silent writer is dropped after a limit. A reader is
 * not: Node cannot reset a UNIX connection, and a close before the last byte would make a cut image
 * look whole (L7). So a reader that takes nothing keeps the daemon, although E1b permits its reset.
 */

/**
 * Silence, in ms, after which a finishing daemon drops a connection that has not sent its whole
 * header.
 */
const HEADER_SILENCE = 200
/** Silence, in ms, after which a finishing daemon drops a writer: its client may be busy (E1a). */
const WRITER_SILENCE = 10_000

/** An open of an image: the decoded request, and the connection to answer on. */
export interface Open {
  image: LocalImage
  purpose: 'read' | 'write' | 'append'
  socket: Socket
  reader: SocketReader
}

export class LocalServer {
  readonly #connections = new Map<Socket, 'header' | Open['purpose']>()
  readonly #handle: (open: Open) => Promise<void>
  readonly #log: Log
  readonly #path: string
  #server: Server | undefined
  #finishing = false
  #idle: (() => void) | undefined
  readonly #room = roomForConnections()
  #refused: RemoteError | undefined

  private constructor(path: string, log: Log, handle: (open: Open) => Promise<void>) {
    this.#path = path
    this.#log = log
    this.#handle = handle
  }

  /**
   * Listens at `path` and passes every open to `handle`. The connection is closed when `handle`
   * resolves.
   */
  static async listen(
    path: string,
    log: Log,
    handle: (open: Open) => Promise<void>,
  ): Promise<LocalServer> {
    const server = new LocalServer(path, log, handle)
    server.#server = await listenUnix(path, (socket) => void server.#serve(socket))
    return server
  }

  /** The reason for which clients were dropped, and perhaps their images; undefined if none was. */
  get refused(): RemoteError | undefined {
    return this.#refused
  }

  async #serve(socket: Socket): Promise<void> {
    if (this.#connections.size >= this.#room) return this.#refuse(socket)
    this.#connections.set(socket, 'header')
    socket.on('error', () => {})
    if (this.#finishing) this.#limitSilence(socket)
    try {
      const open = await readOpen(socket)
      if (open === undefined) return
      this.#connections.set(socket, open.purpose)
      if (this.#finishing) this.#limitSilence(socket)
      await this.#handle(open)
      close(socket)
    } catch (thrown) {
      const failure = RemoteError.from(thrown, 'serving a connection')
      if (failure.code === 'connection-lost') this.#log.info(failure.message)
      else this.#log.warn(failure.message)
      socket.destroy()
    } finally {
      this.#connections.delete(socket)
      if (this.#connections.size === 0) this.#idle?.()
    }
  }

  /**
   * Drops a client for which no descriptor is left, and says so. libuv cannot leave connections in
   * the backlog (R4): without a free descriptor it drops all of them without a word.
   */
  #refuse(socket: Socket): void {
    this.#refused = new RemoteError(
      'not-permitted',
      `serving a connection: ${this.#connections.size} are open, and the limit of open files is ` +
        `${this.#room + RESERVED}`,
    )
    this.#log.error(this.#refused.message)
    socket.destroy()
  }

  /**
   * Accepts the clients that connected before, and no other (E1a). Resolves when every connection
   * has ended or was dropped for its silence.
   */
  async settle(): Promise<void> {
    await this.#acceptWaiting()
    this.#finishing = true
    this.#server?.close()
    for (const socket of this.#connections.keys()) this.#limitSilence(socket)
    while (this.#connections.size > 0) {
      await new Promise<void>((resolve) => {
        this.#idle = resolve
      })
    }
  }

  /**
   * Resolves when all clients that have connected are accepted: a connection of this server's own
   * comes after them, and connections are accepted in order.
   */
  async #acceptWaiting(): Promise<void> {
    const last = await connectUnix(this.#path).catch(() => undefined)
    if (last === undefined) return
    last.resume().end()
    await once(last, 'close')
  }

  #limitSilence(socket: Socket): void {
    const phase = this.#connections.get(socket)
    if (phase === 'read') {
      ignoreSilence(socket)
      return
    }
    const limit = phase === 'header' ? HEADER_SILENCE : WRITER_SILENCE
    onSilence(socket, limit, () => {
      socket.destroy(
        new RemoteError(
          'connection-lost',
          `the dump is finished and this client was silent for ${limit} ms`,
        ),
      )
    })
  }

  /** Destroys all connections and removes the socket file. */
  destroy(): void {
    this.#server?.close()
    for (const socket of this.#connections.keys()) socket.destroy()
  }
}

/** Reads the header of a connection. Returns undefined if the client closed without one. */
async function readOpen(socket: Socket): Promise<Open | undefined> {
  const reader = new SocketReader(socket)
  const payload = await reader.frame()
  if (payload === undefined) {
    socket.destroy()
    return undefined
  }
  const image = localImage.decode(payload)
  const asked = purpose(image.openMode)
  if (asked === undefined)
    throw new RemoteError(
      'not-permitted',
      `opening ${imageName(image)}: expected a read, write or append, got open mode ${image.openMode}`,
    )
  return { image, purpose: asked, socket, reader }
}

/**
 * Answers a read: with the image, or with ENOENT (L3, L4). The close that follows is the server's.
 */
export async function answer({ socket }: Open, content: Content | undefined): Promise<void> {
  socket.cork()
  socket.write(localReply.encode(content === undefined ? ENOENT : 0))
  if (content !== undefined) await sendContent(socket, content)
  socket.uncork()
  await drained(socket)
}

/**
 * Closes without a shutdown if the kernel has every byte: the close alone tells the client of the
 * end, with one system call less.
 */
function close(socket: Socket): void {
  if (socket.writableLength === 0) socket.destroy()
  else socket.destroySoon()
}
