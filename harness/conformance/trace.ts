/*
 * What went over each connection of a case: who, when, which way, which bytes. Frames are decoded when the trace is shown, by
 * whoever shows it; here is only what was seen.
 */

/** Bytes of one piece that are kept; the rest is counted. */
const KEPT = 64

export interface TraceEvent {
  /** Milliseconds since the case began. */
  at: number
  /** The connection, as `client 1` or `link`. */
  connection: string
  /** Seen from the implementation: `in` is what the harness sent to it. */
  direction: 'in' | 'out'
  kind: 'open' | 'bytes' | 'end' | 'reset'
  /** For bytes: how many, the first of them in hex, and what they are, where that is known. */
  size?: number
  hex?: string
  meaning?: string
}

export class Trace {
  readonly events: TraceEvent[] = []
  readonly #begin = performance.now()

  add(
    connection: string,
    direction: 'in' | 'out',
    kind: TraceEvent['kind'],
    bytes?: Buffer,
    meaning?: string,
  ): void {
    this.events.push({
      at: Math.round((performance.now() - this.#begin) * 10) / 10,
      connection,
      direction,
      kind,
      ...(bytes && { size: bytes.length, hex: bytes.subarray(0, KEPT).toString('hex') }),
      ...(meaning !== undefined && { meaning }),
    })
  }
}
