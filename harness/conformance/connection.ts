import { createHash, type Hash } from 'node:crypto'
import { Socket } from 'node:net'
import { FrameDecoder, localReply } from '../../proto/index.ts'
import { Changes } from '../changes.ts'
import { Violation } from '../violation.ts'
import { noteTrouble } from './suite-trouble.ts'
import type { Trace } from './trace.ts'

/**
 * Number of received bytes that a connection keeps, enough for a reply and an image of 8 MiB; the
 * rest is counted and hashed.
 */
const KEPT = 8 * 1024 * 1024 + 1024

export type End = 'end' | 'reset'

/** The answer to a read. */
export interface Answer {
  /** The error of the reply; undefined if none came. */
  error: number | undefined
  /** Number of the bytes after the reply. */
  size: number
  /** SHA-256 of the bytes after the reply, in hex. */
  hash: string
  /** The bytes after the reply, as far as they are kept. */
  bytes: Buffer
  /** How the connection ended. */
  end: End
}

/**
 * One connection to the implementation, and all that was seen on it: the bytes in both directions
 * and the end.
 *
 * Received bytes are kept (those of a large image as count and checksum), so a case can first act
 * and then look. A case waits for conditions, never for a time: the deadline is that of the case.
 */
export class Connection {
  readonly name: string
  readonly socket: Socket
  readonly #trace: Trace
  #pieces: Buffer[] = []
  #kept = 0
  #total = 0
  /** Over the bytes after the reply. */
  readonly #hash: Hash = createHash('sha256')
  /** Whether the whole reply is here. */
  #replied = false
  #end: End | undefined
  readonly #changes = new Changes()

  constructor(name: string, socket: Socket, trace: Trace) {
    this.name = name
    this.socket = socket
    this.#trace = trace
    trace.add(name, 'in', 'open')
    // A failed case may leave the socket paused, so that its end is never heard: it must not keep
    // this process. While cases run, the timers of their deadlines keep it.
    socket.unref()
    socket.on('data', (piece) => this.#take(piece as Buffer))
    socket.on('end', () => this.#finish('end'))
    socket.on('error', (error) => {
      noteTrouble(error)
      this.#finish('reset')
    })
    socket.on('close', () => this.#finish('reset'))
  }

  /**
   * Connects to a UNIX socket or a TCP port; calls `onFull` each time that the backlog of the UNIX
   * socket is full. Throws the error of Node.
   */
  static async to(
    name: string,
    place: { path: string } | { host: string; port: number },
    trace: Trace,
    onFull = () => {},
  ): Promise<Connection> {
    for (;;) {
      const socket = new Socket({ allowHalfOpen: true })
      try {
        await new Promise<void>((resolve, reject) => {
          socket.once('error', reject).connect(place, resolve)
        })
        socket.removeAllListeners('error').setNoDelay(true)
        return new Connection(name, socket, trace)
      } catch (thrown) {
        // The backlog of the UNIX socket is full. A blocking connect, as CRIU's, waits for room;
        // Node has no event for it.
        if ((thrown as NodeJS.ErrnoException).code !== 'EAGAIN') {
          noteTrouble(thrown)
          throw thrown
        }
        onFull()
        await new Promise((resolve) => setTimeout(resolve, 1))
      }
    }
  }

  /** Bytes received so far. */
  get received(): Buffer {
    if (this.#pieces.length !== 1) this.#pieces = [Buffer.concat(this.#pieces)]
    return this.#pieces[0] as Buffer
  }

  get ended(): End | undefined {
    return this.#end
  }

  /** Sends bytes; resolves when the kernel has them, or the connection is gone. */
  send(bytes: Buffer, meaning?: string): Promise<void> {
    this.#trace.add(this.name, 'in', 'bytes', bytes, meaning)
    return new Promise((resolve) => {
      this.socket.write(bytes, () => resolve())
    })
  }

  /** Sends each piece in a segment of its own. */
  async sendPieces(pieces: readonly Buffer[], meaning?: string): Promise<void> {
    this.socket.setNoDelay?.(true)
    for (const piece of pieces) {
      await this.send(piece, meaning)
      await new Promise((resolve) => setImmediate(resolve))
    }
  }

  /** Ends this side; resolves when the kernel knows, or the connection is gone. Never rejects. */
  end(): Promise<void> {
    this.#trace.add(this.name, 'in', 'end')
    return new Promise((resolve) => {
      this.socket.once('close', () => resolve()).end(() => resolve())
    })
  }

  /** Breaks the connection off: with a reset on TCP, with a close of both directions elsewhere. */
  reset(): void {
    this.#trace.add(this.name, 'in', 'reset')
    if (this.socket.remoteAddress === undefined) this.socket.destroy()
    else this.socket.resetAndDestroy()
  }

  /** Waits until the other side has ended, and returns how. */
  async untilEnd(): Promise<End> {
    await this.until(() => this.#end !== undefined)
    return this.#end as End
  }

  /** Waits until the condition holds; it is checked again whenever bytes or an end come. */
  until(condition: () => boolean): Promise<void> {
    return this.#changes.until(condition)
  }

  /** Waits for the reply to a read; returns undefined if the connection ended without one. */
  async reply(): Promise<number | undefined> {
    await this.until(() => this.#frameLength() !== undefined || this.#end !== undefined)
    const length = this.#frameLength()
    if (length === undefined) return undefined
    return decodeReply(this.received.subarray(0, length))
  }

  /** Waits for the end of the connection, and returns the whole answer to a read. */
  async answer(): Promise<Answer> {
    const end = await this.untilEnd()
    const length = this.#frameLength() ?? 0
    const error = length > 0 ? decodeReply(this.received.subarray(0, length)) : undefined
    const bytes = this.received.subarray(length)
    return { error, size: this.#total - length, hash: this.#hash.copy().digest('hex'), bytes, end }
  }

  #frameLength(): number | undefined {
    if (this.#kept < 4) return undefined
    const length = 4 + this.received.readUInt32LE(0)
    return this.#kept >= length ? length : undefined
  }

  #take(piece: Buffer): void {
    this.#trace.add(this.name, 'out', 'bytes', piece)
    this.#total += piece.length
    if (this.#kept < KEPT) {
      this.#pieces.push(piece)
      this.#kept += piece.length
    }
    this.#addToHash(piece)
    this.#changes.notify()
  }

  /** Hashes the image bytes only; the reply before them may come in any pieces. */
  #addToHash(piece: Buffer): void {
    if (!this.#replied) {
      const length = this.#frameLength()
      if (length === undefined) return
      this.#replied = true
      this.#hash.update(this.received.subarray(length))
    } else {
      this.#hash.update(piece)
    }
  }

  #finish(end: End): void {
    if (this.#end !== undefined) return
    this.#end = end
    this.#trace.add(this.name, 'out', end)
    this.#changes.notify()
  }
}

function decodeReply(frame: Buffer): number {
  try {
    return localReply.decode(new FrameDecoder().push(frame)?.payload as Buffer)
  } catch (thrown) {
    throw new Violation(
      'the reply to a read',
      [{ outcome: 'a local_image_reply_entry', clause: 'F3' }],
      (thrown as Error).message,
    )
  }
}
