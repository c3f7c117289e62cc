import type { Socket } from 'node:net'
import type { Trace } from '../../harness/conformance/trace.ts'
import { FrameDecoder, localImage, localReply, purpose } from '../../proto/index.ts'

/** An open of an image, as seen on the wire. */
export interface SeenOpen {
  role: 'proxy' | 'cache'
  snapshotId: string
  name: string
  purpose: 'read' | 'write' | 'append' | undefined
  /** Milliseconds since the relay began. */
  at: number
  /** The reply's error; undefined for a write, which has no reply, and for a read without one. */
  error?: number
  /** Milliseconds from the request to the reply. */
  waited?: number
  /** Bytes of the image that were passed on. */
  bytes: number
}

type Direction = 'in' | 'out'

interface Watched {
  role: 'proxy' | 'cache'
  /** The connection's name in the trace. */
  connection: string
  trace: Trace
  /** Returns the milliseconds since the relay began. */
  now: () => number
}

/**
 * One connection through a relay. It knows only the first frame of each direction, which the trace
 * has in full; later bytes are counted. Neither peer needs to follow the protocol.
 */
export class RelayedOpen {
  readonly seen: SeenOpen
  readonly #watched: Watched

  constructor(watched: Watched) {
    this.#watched = watched
    const { role, now } = watched
    this.seen = { role, snapshotId: '', name: '', purpose: undefined, at: now(), bytes: 0 }
    watched.trace.add(watched.connection, 'in', 'open')
  }

  /** Passes one direction on and records it. */
  watch(from: Socket, to: Socket, direction: Direction): void {
    const decoder = new FrameDecoder()
    let decoded = false
    from.on('data', (piece: Buffer) => {
      if (decoded) this.seen.bytes += piece.length
      else decoded = this.#decodeFirst(decoder, piece, direction)
    })
    from.on('end', () => this.#traceEnd(direction))
    from.on('error', () => to.destroy())
    from.pipe(to)
  }

  /** Returns whether this piece ends the first frame, or shows that there is none. */
  #decodeFirst(decoder: FrameDecoder, piece: Buffer, direction: Direction): boolean {
    const { trace, connection } = this.#watched
    try {
      const frame = decoder.push(piece)
      if (frame === undefined) return false
      this.seen.bytes += frame.rest.length
      const bytes = piece.subarray(0, piece.length - frame.rest.length)
      trace.add(connection, direction, 'bytes', bytes)
      if (direction === 'in') this.#request(frame.payload)
      else this.#reply(frame.payload)
    } catch {
      trace.add(connection, direction, 'bytes', piece, 'no frame of this protocol')
    }
    return true
  }

  #request(payload: Buffer): void {
    const { snapshotId, name, openMode } = localImage.decode(payload)
    Object.assign(this.seen, { snapshotId, name, purpose: purpose(openMode) })
  }

  #reply(payload: Buffer): void {
    this.seen.error = localReply.decode(payload)
    this.seen.waited = this.#watched.now() - this.seen.at
  }

  #traceEnd(direction: Direction): void {
    const { trace, connection } = this.#watched
    const { bytes } = this.seen
    trace.add(connection, direction, 'end', undefined, bytes > 0 ? `${bytes} bytes` : undefined)
  }
}
