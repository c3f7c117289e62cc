import type { CacheUnderTest } from './contexts/cache.ts'
import type { PairUnderTest } from './contexts/pair.ts'
import type { ProxyUnderTest } from './contexts/proxy.ts'
import type { Level } from './register.ts'

export type Role = 'proxy' | 'cache' | 'pair'

/** The parts of a case that do not depend on its role. */
interface About {
  /**
   * Lower case, with hyphens. It never changes: results, baselines and discussions refer to it.
   */
  id: string
  /** The clauses that it judges. */
  clauses: readonly string[]
  /** Default: must. */
  level?: Level
  /** What is done to the implementation and what it has to do then, in a sentence or two. */
  about: string
  /** Capabilities without which it does not apply. */
  needs?: readonly ('append' | 'inheritedConnection')[]
  /** Dialects to which it applies; all unless given. */
  dialects?: readonly string[]
  /** It takes minutes or gigabytes, so it runs only if it is selected by its whole id. */
  optIn?: true
}

/** A conformance case: one value in a file of scenarios/cases/. */
export type Case = About &
  (
    | { role: 'proxy'; run(proxy: ProxyUnderTest): Promise<void> }
    | {
        role: 'cache'
        /** The case connects the link itself, or never. */
        link?: 'later'
        run(cache: CacheUnderTest): Promise<void>
      }
    | { role: 'pair'; run(pair: PairUnderTest): Promise<void> }
  )

/** Thrown when a case does not apply to this implementation; the message is the reason. */
export class NotApplicable extends Error {
  override name = 'NotApplicable'
}
