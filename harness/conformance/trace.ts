import type { TraceEvent } from './trace-event.ts'

export type { TraceEvent }

/** Number of bytes of one piece that are kept; the rest is counted. */
const KEPT = 64

/**
 * The bytes and ends of all connections of a case, with their times. They are kept as they were
 * seen: a report decodes frames when it shows them.
 */
export class Trace {
  readonly events: TraceEvent[] = []
  readonly #begin = performance.now()

  /** The time on the clock of the trace, in ms. */
  get now(): number {
    return Math.round((performance.now() - this.#begin) * 10) / 10
  }

  add(
    connection: string,
    direction: 'in' | 'out',
    kind: TraceEvent['kind'],
    bytes?: Buffer,
    meaning?: string,
  ): void {
    this.events.push({
      at: this.now,
      connection,
      direction,
      kind,
      ...(bytes && { size: bytes.length, hex: bytes.subarray(0, KEPT).toString('hex') }),
      ...(meaning !== undefined && { meaning }),
    })
  }
}
