import type { Level } from './conformance/clause.ts'

/** An outcome that a clause permits. */
export interface Permitted {
  /** The outcome, in words. */
  outcome: string
  /** The id of the clause that permits it; empty where the contract of a test program does. */
  clause: string
  /** The level of the demand, where the cited part of the clause is weaker than the clause. */
  level?: Level
}

/** The side at fault: a daemon of the implementation, or the test program, CRIU or the kernel. */
export type Side = 'proxy' | 'cache' | 'pair' | 'program' | 'criu' | 'kernel'

/**
 * An observation that no clause permits. It is somebody's fault, never trouble of the harness; the
 * side is named where the observation alone tells it.
 */
export class Violation extends Error {
  override name = 'Violation'
  /** The thing that was looked at, such as "the answer to a read". */
  readonly what: string
  readonly permitted: readonly Permitted[]
  readonly actual: string
  readonly side: Side | undefined
  /** The end of the log of the process that failed. */
  readonly tail: string | undefined

  constructor(
    what: string,
    permitted: readonly Permitted[],
    actual: string,
    { side, tail }: { side?: Side; tail?: string } = {},
  ) {
    const outcomes = permitted.map(({ outcome }) => outcome).join(', or ')
    super(`${what}: expected ${outcomes}; got ${actual}`)
    this.what = what
    this.permitted = permitted
    this.actual = actual
    this.side = side
    this.tail = tail
  }
}
