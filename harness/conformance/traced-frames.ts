import { FrameDecoder, O_APPEND, type RemoteImage, remoteImage } from '../../proto/index.ts'
import type { TraceEvent } from './trace-event.ts'

/* Frames in a trace, which keeps the first bytes of each piece only. */

export type TracedHeader = RemoteImage

/** The images that a proxy forwarded, as far as the trace tells. */
interface TracedLink {
  headers: TracedHeader[]
  /** Whether each header follows the last byte of an image, and the trace ends with an image. */
  inStep: boolean
}

/** The bytes after the header of an append: the whole image, or the new bytes (D2). */
export type Appends = 'whole' | 'new bytes'

/** Returns the message of a frame at the begin of some bytes; undefined if there is none. */
export function readFrame<T>(hex: string, decode: (payload: Buffer) => T): T | undefined {
  try {
    const frame = new FrameDecoder().push(Buffer.from(hex, 'hex'))
    return frame && decode(frame.payload)
  } catch {
    return undefined
  }
}

/** Reads the stream of the link, as if its appends were of one kind. */
export function readLink(trace: readonly TraceEvent[], appends: Appends): TracedLink {
  const reader = new LinkReader(appends)
  const pieces = trace.filter(
    ({ connection, direction, kind }) =>
      connection.includes('link') && direction === 'out' && kind === 'bytes',
  )
  try {
    for (const { hex = '', size = 0 } of pieces) reader.take(Buffer.from(hex, 'hex'), size)
  } catch {
    return { headers: reader.headers, inStep: false }
  }
  return { headers: reader.headers, inStep: reader.isBetweenImages }
}

class LinkReader {
  readonly headers: TracedHeader[] = []
  readonly #appends: Appends
  readonly #held = new Map<string, number>()
  #decoder = new FrameDecoder()
  #isInHeader = false
  #missing = 0

  constructor(appends: Appends) {
    this.#appends = appends
  }

  get isBetweenImages(): boolean {
    return !this.#isInHeader && this.#missing === 0
  }

  /**
   * Takes a piece of `size` bytes, of which the first are kept. Throws if a header is no header, or
   * is not among the kept bytes.
   */
  take(kept: Buffer, size: number): void {
    for (let at = 0; at < size; ) {
      if (this.#missing > 0) {
        const own = Math.min(this.#missing, size - at)
        this.#missing -= own
        at += own
      } else {
        at += this.#takeHeader(kept.subarray(at), size - at)
      }
    }
  }

  /** Takes bytes of a header, and returns their number. */
  #takeHeader(kept: Buffer, size: number): number {
    this.#isInHeader = true
    const frame = this.#decoder.push(kept)
    if (frame === undefined) {
      if (kept.length < size) throw new Error('the trace does not have the whole header')
      return size
    }
    const header = remoteImage.decode(frame.payload)
    this.headers.push(header)
    this.#missing = this.#bytesOf(header)
    this.#isInHeader = false
    this.#decoder = new FrameDecoder()
    return kept.length - frame.rest.length
  }

  /** Returns the number of bytes after a header. */
  #bytesOf({ snapshotId, name, openMode, size }: TracedHeader): number {
    const key = JSON.stringify([snapshotId, name])
    const before = openMode & O_APPEND ? (this.#held.get(key) ?? 0) : 0
    this.#held.set(key, size)
    if (this.#appends === 'whole') return size
    if (size < before) throw new Error('an append is smaller than its image')
    return size - before
  }
}
