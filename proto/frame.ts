import { RemoteError } from './error.ts'

/*
 * The framing (F1, F2): a 32-bit little-endian length, then that many bytes. No magic number, no
 * checksum.
 *
 * The input is a stream in pieces of any size: a length may arrive one byte at a time, and the
 * piece that ends a frame may hold the first megabyte of an image. So the decoder has no socket:
 * its caller pushes pieces, and gets a frame together with the bytes after it. The decoder checks
 * the length as soon as it is known, before it stores any of the frame, so that a hostile length
 * costs four bytes. The alternative, to read exactly 4 and then N bytes from the socket, needs two
 * system calls per frame and a second decoder for the tests.
 */

/**
 * Size of the largest frame accepted, in bytes: two names of 4095 bytes and ample room for unknown
 * fields.
 */
export const FRAME_LIMIT = 65_536

/** Size of the length before each frame, in bytes. */
const PREFIX = 4

/** A decoded frame, and the bytes after it, which belong to an image or to the next frame. */
export interface Frame {
  payload: Buffer
  rest: Buffer
}

/** Returns a frame: the length and the payload. */
export function encodeFrame(payload: Uint8Array): Buffer {
  const frame = Buffer.allocUnsafe(PREFIX + payload.length)
  frame.writeUInt32LE(payload.length, 0)
  frame.set(payload, PREFIX)
  return frame
}

/** Decodes frames from pieces of any size. It holds no bytes between two frames. */
export class FrameDecoder {
  readonly #limit: number
  #prefix = Buffer.alloc(PREFIX)
  #prefixBytes = 0
  #pieces: Buffer[] = []
  #payloadBytes = 0

  constructor(limit = FRAME_LIMIT) {
    this.#limit = limit
  }

  /**
   * Takes a piece. Returns the frame that it completes, if any. Throws `frame-too-large` for a
   * length over the limit.
   */
  push(piece: Buffer): Frame | undefined {
    const body = this.#takePrefix(piece)
    if (this.#prefixBytes < PREFIX) return undefined
    const missing = this.#length() - this.#payloadBytes
    this.#pieces.push(body.subarray(0, missing))
    this.#payloadBytes += Math.min(missing, body.length)
    if (body.length < missing) return undefined
    return this.#complete(body.subarray(missing))
  }

  /** Ends the stream. Throws `frame-truncated` if it ended inside a frame. */
  end(): void {
    if (this.#prefixBytes === 0) return
    const got =
      this.#prefixBytes < PREFIX
        ? `${this.#prefixBytes}/${PREFIX} bytes of the length`
        : `${this.#payloadBytes}/${this.#length()} bytes of the message`
    throw new RemoteError('frame-truncated', `reading a frame: the stream ended after ${got}`)
  }

  #takePrefix(piece: Buffer): Buffer {
    const taken = Math.min(PREFIX - this.#prefixBytes, piece.length)
    if (taken === 0) return piece
    piece.copy(this.#prefix, this.#prefixBytes, 0, taken)
    this.#prefixBytes += taken
    if (this.#prefixBytes === PREFIX && this.#length() > this.#limit) {
      throw new RemoteError(
        'frame-too-large',
        `reading a frame: expected at most ${this.#limit} bytes, got a length of ${this.#length()}`,
      )
    }
    return piece.subarray(taken)
  }

  #complete(rest: Buffer): Frame {
    const payload =
      this.#pieces.length === 1 ? (this.#pieces[0] as Buffer) : Buffer.concat(this.#pieces)
    this.#prefixBytes = 0
    this.#payloadBytes = 0
    this.#pieces = []
    return { payload, rest }
  }

  #length(): number {
    return this.#prefix.readUInt32LE(0)
  }
}
