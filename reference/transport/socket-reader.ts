import type { Socket } from 'node:net'
import { RemoteError } from '../../proto/error.ts'
import { FrameDecoder } from '../../proto/frame.ts'

/*
 * Reads a socket as this protocol needs it: a frame, then image bytes, then perhaps the next frame.
 *
 * The pieces that arrive are given to whoever is reading at the time: one listener for the life of the socket,
 * no promise for each piece. Bytes behind a frame stay here until the next read (F2). Whoever reads one thing mostly reads
 * the next at once, so the socket is paused only when a piece comes that nobody waits for: then the sender feels it.
 * Node's async iterators would do the same at a promise a piece.
 */

interface Consumer {
  /** Takes a piece; the bytes left over if that satisfied the consumer, else nothing. */
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

  /** The payload of the next frame; undefined if the stream ended before it. */
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

  /** Hands over every piece until the stream ends. */
  rest(sink: (piece: Buffer) => void): Promise<void> {
    return this.#consume<void>(
      (piece) => {
        sink(piece)
        return undefined
      },
      (done) => done(),
    )
  }

  /** Hands over exactly `size` bytes; throws `image-truncated` if the stream ends before. */
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

  /** An error takes longer to make than the rest of a small image, so it is made only if this is the end. */
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
