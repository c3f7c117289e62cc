import type { Socket } from 'node:net'
import { RemoteError } from '../../proto/error.ts'
import { FrameDecoder } from '../../proto/frame.ts'

/*
 * Reads a socket as this protocol needs it: a frame, then image bytes, then perhaps the next frame.
 *
 * The socket has one listener for its whole life, which passes each piece to the current consumer:
 * no promise per piece. Bytes after a frame stay here until the next read (F2). A reader mostly
 * starts its next read at once, so the socket is paused only when a piece arrives without a
 * consumer. Then the kernel's buffers fill and slow the sender down. Node's async iterators would
 * do the same, with a promise per piece.
 */

/** The read in progress. */
interface Consumer {
  /** Takes a piece. Returns the bytes left over if the read is complete, else undefined. */
  take(piece: Buffer): Buffer | undefined
  end(): void
  fail(reason: RemoteError): void
}

export class SocketReader {
  readonly #socket: Socket
  readonly #decoder = new FrameDecoder()
  #consumer: Consumer | undefined
  #left: Buffer | undefined
  #end: 'open' | 'ended' | RemoteError = 'open'

  constructor(socket: Socket) {
    this.#socket = socket
    socket.on('data', (piece) => this.#give(piece as Buffer))
    socket.on('end', () => this.#finish(() => 'ended'))
    socket.on('error', (error) =>
      this.#finish(() => RemoteError.from(error, 'reading a connection')),
    )
    socket.on('close', () =>
      this.#finish(() => new RemoteError('connection-lost', 'reading a connection: it was closed')),
    )
    socket.pause()
  }

  /** Returns the payload of the next frame; undefined if the stream ends before it. */
  frame(): Promise<Buffer | undefined> {
    const decoder = this.#decoder
    return this.#consume<Buffer | undefined>(
      (piece, done) => {
        const frame = decoder.push(piece)
        if (frame !== undefined) done(frame.payload)
        return frame?.rest
      },
      (done) => {
        decoder.end()
        done(undefined)
      },
    )
  }

  /** Passes every piece to `sink` until the stream ends. */
  rest(sink: (piece: Buffer) => void): Promise<void> {
    return this.#consume<void>(
      (piece) => {
        sink(piece)
        return undefined
      },
      (done) => done(),
    )
  }

  /**
   * Passes exactly `size` bytes to `sink`. Throws `image-truncated` if the stream ends before the
   * last one.
   */
  exactly(size: number, sink: (piece: Buffer) => void): Promise<void> {
    if (size === 0) return Promise.resolve()
    let missing = size
    return this.#consume<void>(
      (piece, done) => {
        const mine = piece.subarray(0, missing)
        missing -= mine.length
        sink(mine)
        if (missing > 0) return undefined
        done()
        return piece.subarray(mine.length)
      },
      () => {
        throw new RemoteError(
          'image-truncated',
          `reading an image: the stream ended after ${size - missing}/${size} bytes`,
        )
      },
    )
  }

  #consume<T>(
    take: (piece: Buffer, done: (value: T) => void) => Buffer | undefined,
    end: (done: (value: T) => void) => void,
  ): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#consumer = {
        take: (piece) => take(piece, resolve),
        end: () => end(resolve),
        fail: reject,
      }
      const left = this.#left
      this.#left = undefined
      if (left !== undefined) this.#give(left)
      if (this.#consumer === undefined) return
      if (this.#end !== 'open') this.#conclude()
      else if (this.#socket.isPaused()) this.#socket.resume()
    })
  }

  #give(piece: Buffer): void {
    const consumer = this.#consumer
    if (consumer === undefined) {
      this.#left = this.#left === undefined ? piece : Buffer.concat([this.#left, piece])
      this.#socket.pause()
      return
    }
    try {
      const left = consumer.take(piece)
      if (left === undefined) return
      this.#consumer = undefined
      this.#left = left.length > 0 ? left : undefined
    } catch (thrown) {
      this.#consumer = undefined
      this.#socket.pause()
      consumer.fail(RemoteError.from(thrown, 'reading a connection'))
    }
  }

  /**
   * Takes a function, not an Error: making an Error takes longer than the rest of a small image.
   */
  #finish(how: () => 'ended' | RemoteError): void {
    if (this.#end !== 'open') return
    this.#end = how()
    if (this.#consumer !== undefined) this.#conclude()
  }

  #conclude(): void {
    const consumer = this.#consumer
    this.#consumer = undefined
    try {
      if (this.#end instanceof RemoteError) throw this.#end
      consumer?.end()
    } catch (thrown) {
      consumer?.fail(RemoteError.from(thrown, 'reading a connection'))
    }
  }
}
