import type { Socket } from 'node:net'
import { RemoteError } from '../../proto/error.ts'
import { FRAME_LIMIT, type Frame, FrameDecoder } from '../../proto/frame.ts'
import { type LocalImage, localImage, purpose } from '../../proto/messages.ts'
import type { EpollSet, SystemCalls } from './system-calls.ts'

/*
 * The requests of readers, each without its last byte, so that the reader can be reset.
 *
 * The peer of a closed UNIX socket finds a reset if bytes wait unread in the socket, and a clean
 * end if none does. So the last byte of a reader's header stays unread until the reader has every
 * byte of its image. If the connection ends before, in any way and also by the death of this
 * process, the kernel resets it (L7). The header is read before Node reads the connection, by a
 * look that takes nothing. Only a read is taken, less one byte, and Node never reads its
 * connection. Every other connection is left to Node as it is.
 *
 * - A header mostly comes just after its connection: CRIU writes its length and its body in two
 *   calls. Connections without a whole header wait in an epoll set, edge-triggered: half a header
 *   causes no event until more of it comes. Timers instead would delay each such client by a
 *   millisecond.
 * - Order (L10): a connection comes after all images whose writers closed before it connected.
 *   Such a writer was accepted before. If its header was late, the accept of the new connection
 *   looks at the set first and hands the writer to Node. Node reads the bytes of a writer in the
 *   next turn of the event loop, since all are in the kernel, and a half-closed writer's end in the
 *   turn after. So a read is served two turns later, and after a late writer every connection waits
 *   two turns more.
 * - Node does not notice that a reader leaves while it waits, since Node does not read. The epoll
 *   set reports a client that has closed both directions.
 */

/** Events of epoll(7). EPOLLHUP, both directions closed, is always reported. */
const EPOLLIN = 0x1
const EPOLLHUP = 0x10
const EPOLLRDHUP = 0x2000
const EPOLLET = 0x80000000

/** Size in bytes of a first look: names are rarely longer. */
const USUAL = 512
/** Size of a frame's length, in bytes. */
const PREFIX = 4

/** Number of takes that empty a socket whose client sends no more. */
const TAKES = 5

/** The result of a look at a connection: its read request, no whole header yet, or another use. */
type Look = LocalImage | 'partial' | 'other'

export class ReadRequests {
  readonly #calls: SystemCalls
  readonly #set: EpollSet
  readonly #onEvents = new Map<number, (events: number) => void>()
  readonly #held = new WeakSet<Socket>()
  readonly #bytes = Buffer.allocUnsafeSlow(FRAME_LIMIT + PREFIX)
  readonly #usual = this.#bytes.subarray(0, USUAL)
  #decoder: FrameDecoder | undefined
  /** Ends when the connections that an accept handed to Node late are read. */
  #older: Promise<void> | undefined
  #turns: Promise<void> | undefined

  constructor(calls: SystemCalls) {
    this.#calls = calls
    // In an immediate, because Node runs no promise reactions after the call of the epoll set.
    this.#set = calls.epoll(() => void setImmediate(() => this.#passEvents()))
  }

  /**
   * Returns the request of a reader, when images that are older than the connection are read.
   * Returns undefined for any other connection, which Node then reads from its first byte; at once
   * where it can, since a write is the usual case. Rejects with `connection-lost` if the connection
   * is closed here meanwhile.
   */
  next(socket: Socket): Promise<LocalImage | undefined> | undefined {
    if (this.#passEvents()) this.#awaitOlder()
    const look = this.#look(socket)
    if (look === 'other' && this.#older === undefined) return undefined
    return this.#settle(socket, look)
  }

  async #settle(socket: Socket, first: Look): Promise<LocalImage | undefined> {
    // The writers that this accept handed over, or an earlier one: those do not wait themselves.
    const older = this.#older
    const look = first === 'partial' ? await this.#awaitHeader(socket) : first
    await older
    if (look === 'other' || look === 'partial') return undefined
    await this.#twoTurns()
    if (socket.destroyed) throw lost()
    return look
  }

  #awaitOlder(): void {
    const older = this.#twoTurns().then(() => {
      if (this.#older === older) this.#older = undefined
    })
    this.#older = older
  }

  /** Whether the end of a connection resets its client, until `release`. */
  holds(socket: Socket): boolean {
    return this.#held.has(socket)
  }

  /** Takes all that a reader has sent, so that the close of its connection is a clean end. */
  release(socket: Socket): void {
    if (!this.#held.delete(socket)) return
    const fd = descriptorOf(socket)
    for (let take = 0; take < TAKES; take++)
      if (this.#calls.take(fd, this.#bytes, this.#bytes.length) <= 0) return
  }

  /** Resolves when a reader has left, or its connection is closed. Closes it then. */
  untilLeft(socket: Socket): Promise<void> {
    return new Promise((resolve) => {
      this.#watch(socket, EPOLLET, (events) => {
        if ((events & EPOLLHUP) !== 0) socket.destroy()
      })
      socket.once('close', () => resolve())
    })
  }

  /** Returns a measure of the bytes that a reader has not taken, which changes as it takes them. */
  untaken(socket: Socket): number {
    return this.#calls.untaken(descriptorOf(socket))
  }

  /** Ends the watch of connections. All of them must be closed. */
  close(): void {
    this.#onEvents.clear()
    this.#set.close()
  }

  #look(socket: Socket): Look {
    const fd = descriptorOf(socket)
    let seen = this.#calls.peek(fd, this.#usual)
    if (seen === 0) return 'other'
    try {
      let frame = this.#decode(Math.max(0, seen))
      if (frame === undefined && seen === USUAL) {
        seen = this.#calls.peek(fd, this.#bytes)
        frame = this.#decode(seen)
      }
      if (frame === undefined) return 'partial'
      const image = localImage.decode(frame.payload)
      if (purpose(image.openMode) !== 'read') return 'other'
      this.#calls.take(fd, this.#bytes, seen - frame.rest.length - 1)
      this.#held.add(socket)
      return image
    } catch {
      // Node reads the connection, and its reader throws the reason.
      return 'other'
    }
  }

  /** Returns the frame at the start of the first `seen` bytes, if it is whole. */
  #decode(seen: number): Frame | undefined {
    const decoder = this.#decoder ?? new FrameDecoder()
    this.#decoder = undefined
    const frame = decoder.push(this.#bytes.subarray(0, seen))
    // A decoder holds no bytes after a whole frame. Any other is dropped.
    if (frame !== undefined) this.#decoder = decoder
    return frame
  }

  /** Looks again when bytes come. The end of the client's direction ends the wait. */
  #awaitHeader(socket: Socket): Promise<Look> {
    return new Promise((resolve, reject) => {
      const closed = () => reject(lost())
      socket.once('close', closed)
      const settle = (look: Look) => {
        socket.off('close', closed)
        resolve(look)
      }
      const stop = this.#watch(socket, EPOLLET | EPOLLIN | EPOLLRDHUP, (events) => {
        const look = this.#look(socket)
        if (look === 'partial' && (events & (EPOLLRDHUP | EPOLLHUP)) === 0) return
        stop?.()
        settle(look)
      })
      if (stop === undefined) settle('other')
    })
  }

  /**
   * Calls `onEvents` for each event of a connection until it is closed, or the result is called.
   * Returns undefined if the kernel refuses the watch.
   */
  #watch(
    socket: Socket,
    events: number,
    onEvents: (events: number) => void,
  ): (() => void) | undefined {
    const fd = descriptorOf(socket)
    if (!this.#set.add(fd, events)) return undefined
    this.#onEvents.set(fd, onEvents)
    // Another connection may have the descriptor when the close is reported.
    const forget = () => this.#onEvents.get(fd) === onEvents && this.#onEvents.delete(fd)
    socket.once('close', forget)
    return () => {
      socket.off('close', forget)
      if (forget()) this.#set.remove(fd)
    }
  }

  /** Resolves in the second turn of the event loop from now. Requests of a turn share it. */
  #twoTurns(): Promise<void> {
    this.#turns ??= new Promise((resolve) => {
      setImmediate(() => {
        this.#turns = undefined
        setImmediate(resolve)
      })
    })
    return this.#turns
  }

  /** Returns whether a connection got its whole header, or ended without. */
  #passEvents(): boolean {
    const before = this.#onEvents.size
    if (before === 0) return false
    for (const { fd, events } of this.#set.take()) this.#onEvents.get(fd)?.(events)
    return this.#onEvents.size < before
  }
}

const lost = () => new RemoteError('connection-lost', 'reading a connection: it was closed')

/** Returns the descriptor of an open connection; -1, which no system call accepts, of another. */
function descriptorOf(socket: Socket): number {
  return (socket as unknown as { _handle?: { fd: number } | null })._handle?.fd ?? -1
}
