import type { CacheBench, PairBench, ProxyBench } from './bench.ts'
import type { Level } from './register.ts'

/* A conformance case: one value, in one file of scenarios/, found by the folder. */

export type Role = 'proxy' | 'cache' | 'pair'

interface About {
  /** Permanent: results, baselines and discussions refer to it. Lower case, with hyphens. */
  id: string
  /** The clauses that it judges. */
  clauses: readonly string[]
  /** Default: must. */
  level?: Level
  /** What is done to the implementation, and what it then has to do, in a sentence or two. */
  about: string
  /** Capabilities without which it does not apply. */
  needs?: readonly ('append' | 'inheritedConnection')[]
  /** Dialects that it is for; all unless given. */
  dialects?: readonly string[]
  /** Takes minutes or gigabytes: runs only where it is selected by name. */
  optIn?: true
}

export type Case = About &
  (
    | { role: 'proxy'; run(bench: ProxyBench): Promise<void> }
    | {
        role: 'cache'
        /** The case itself connects the proxy's end, or never. */
        link?: 'later'
        run(bench: CacheBench): Promise<void>
      }
    | { role: 'pair'; run(bench: PairBench): Promise<void> }
  )

/** Says that a case does not apply to this implementation, and why. */
export class NotApplicable extends Error {
  override name = 'NotApplicable'
}

export interface Permitted {
  /** What may come, in words. */
  outcome: string
  /** The clause that permits it. */
  clause: string
}

/** What came is not among what is permitted: the implementation's fault. */
export class Violation extends Error {
  override name = 'Violation'
  readonly what: string
  readonly permitted: readonly Permitted[]
  readonly actual: string

  constructor(what: string, permitted: readonly Permitted[], actual: string) {
    super(
      `${what}: expected ${permitted.map(({ outcome }) => outcome).join(', or ')}; got ${actual}`,
    )
    this.what = what
    this.permitted = permitted
    this.actual = actual
  }
}
