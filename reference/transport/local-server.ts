import { once } from 'node:events'
import type { Server, Socket } from 'node:net'
import { RemoteError } from '../../proto/error.ts'
import { ENOENT, type LocalImage, localImage, localReply, purpose } from '../../proto/messages.ts'
import { imageName, type Log } from '../log.ts'
import type { Content } from '../memory/content.ts'
import { ReadRequests } from './read-requests.ts'
import { RESERVED, roomForConnections } from './room.ts'
import { drained, sendContent } from './send.ts'
import { ignoreSilence, onSilence, onStall } from './silence.ts'
import { SocketReader } from './socket-reader.ts'
import { systemCalls } from './system-calls.ts'
import { connectUnix, listenUnix } from './unix-socket.ts'
import { untilLeft } from './until-left.ts'

/*
 * The UNIX side of a proxy or cache (clauses L): every open of an image is a connection of its own.
 *
 * One async function serves a connection from its header to its end. A failure ends that connection
 * with a logged reason and affects no other. When the dump or the restore is finished, connections
 * that have begun may still complete, and a silent writer is dropped after a limit. A reader that
 * takes nothing is reset after a limit as well (E1b), and so is every reader whose image is not
 * finished when the daemon ends early: a close before the last byte would make a cut image look
 * whole (L7). Node cannot reset a UNIX connection, so read-requests.ts arranges it. Where its
 * system calls are missing, a reader that takes nothing keeps the daemon.
 */

/**
 * Silence, in ms, after which a finishing daemon drops a connection that has not sent its whole
 * header.
 */
const HEADER_SILENCE = 200
/** Silence, in ms, after which a finishing daemon drops a writer: its client may be busy (E1a). */
const WRITER_SILENCE = 10_000
/** Time, in ms, without a byte taken, after which a finishing daemon resets a reader (E1b). */
const READER_SILENCE = 10_000

const NOTHING = Buffer.alloc(0)

/** An open of an image: the decoded request, and the connection to answer on. */
export type Open = ReadOpen | WriteOpen

export interface ReadOpen {
  image: LocalImage
  purpose: 'read'
  socket: Socket
  /** Resolves when the client has left, or the connection is closed. Closes it then. */
  untilLeft(): Promise<void>
}

export interface WriteOpen {
  image: LocalImage
  purpose: 'write' | 'append'
  socket: Socket
  reader: SocketReader
}

export class LocalServer {
  readonly #connections = new Map<Socket, 'header' | Open['purpose']>()
  readonly #handle: (open: Open) => Promise<void>
  readonly #log: Log
  readonly #path: string
  readonly #readerSilence: number
  /** The requests of readers that can be reset; undefined if the system calls are missing. */
  #requests: ReadRequests | undefined
  #server: Server | undefined
  #finishing = false
  #idle: (() => void) | undefined
  readonly #room = roomForConnections()
  #refused: RemoteError | undefined

  private constructor(
    path: string,
    log: Log,
    handle: (open: Open) => Promise<void>,
    readerSilence: number,
  ) {
    this.#path = path
    this.#log = log
    this.#handle = handle
    this.#readerSilence = readerSilence
  }

  /**
   * Listens at `path` and passes every open to `handle`. The connection is closed when `handle`
   * resolves.
   */
  static async listen(
    path: string,
    log: Log,
    handle: (open: Open) => Promise<void>,
    readerSilence = READER_SILENCE,
  ): Promise<LocalServer> {
    const server = new LocalServer(path, log, handle, readerSilence)
    const calls = systemCalls()
    server.#server = await listenUnix(path, (socket) => void server.#serve(socket))
    if (typeof calls === 'string') log.debug(`readers cannot be reset: ${calls}`)
    else server.#requests = new ReadRequests(calls)
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
      const open = await this.#open(socket)
      if (open === undefined) return
      this.#connections.set(socket, open.purpose)
      if (this.#finishing) this.#limitSilence(socket)
      await this.#handle(open)
      await this.#close(socket)
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

  #open(socket: Socket): Promise<Open | undefined> {
    const request = this.#requests?.next(socket)
    return request === undefined ? readOpen(socket) : this.#openRequest(socket, request)
  }

  async #openRequest(
    socket: Socket,
    request: Promise<LocalImage | undefined>,
  ): Promise<Open | undefined> {
    const image = await request
    if (image !== undefined) {
      const left = () => this.#requests?.untilLeft(socket) ?? untilLeft(socket)
      return { image, purpose: 'read', socket, untilLeft: left }
    }
    // Node reads the connection only from now on.
    if (this.#finishing) this.#limitSilence(socket)
    return readOpen(socket)
  }

  /**
   * Closes when the kernel has every byte: with a clean end, and without a shutdown, which the
   * client needs no more.
   */
  async #close(socket: Socket): Promise<void> {
    if (socket.writableLength > 0) await written(socket)
    this.#requests?.release(socket)
    socket.destroy()
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
      this.#limitStall(socket)
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

  /** Resets a reader that takes nothing. A reader that cannot be reset is left alone (L7). */
  #limitStall(socket: Socket): void {
    ignoreSilence(socket)
    const requests = this.#requests
    if (!requests?.holds(socket)) return
    const untaken = () => requests.untaken(socket)
    onStall(socket, this.#readerSilence, untaken, () => {
      socket.destroy(
        new RemoteError(
          'connection-lost',
          `the daemon is finished and this reader took nothing for ${this.#readerSilence} ms`,
        ),
      )
    })
  }

  /** Destroys all connections, which resets unfinished readers. Removes the socket file. */
  destroy(): void {
    this.#server?.close()
    for (const socket of this.#connections.keys()) socket.destroy()
    this.#requests?.close()
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
  if (asked !== 'read') return { image, purpose: asked, socket, reader }
  return { image, purpose: asked, socket, untilLeft: () => untilLeft(socket) }
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

/** Resolves when the kernel has every byte, or the connection is lost. */
function written(socket: Socket): Promise<void> {
  return new Promise((resolve) => socket.write(NOTHING, () => resolve()))
}
