import type { Level } from './clause.ts'
import type { CacheUnderTest } from './contexts/cache.ts'
import type { ClientUnderTest } from './contexts/client.ts'
import type { PairUnderTest } from './contexts/pair.ts'
import type { ProxyUnderTest } from './contexts/proxy.ts'
import type { Limits } from './surroundings.ts'

/** The parts of a case that do not depend on its role. */
interface About {
  /**
   * Lower case, with hyphens. The id never changes, because results, baselines and discussions
   * refer to it.
   */
  id: string
  /** The clauses that the case judges. */
  clauses: readonly string[]
  /** Default: must. */
  level?: Level
  /** The acts of the harness and the demands on the implementation, in a sentence or two. */
  about: string
  /** Capabilities without which the case does not apply. */
  needs?: readonly ('append' | 'inheritedConnection')[]
  /** Dialects to which the case applies; all unless given. */
  dialects?: readonly string[]
  /** Limits of each daemon of the case. */
  limits?: Limits
  /** Whether the directories of its daemons are on a disk, where this machine has one. */
  directoriesOnDisk?: true
  /** Whether each daemon of the case has a /dev/shm of its own, where this machine can make one. */
  ownSharedMemory?: true
  /**
   * How many times longer than the usual deadline the case may take: it makes a thousand
   * connections, or waits for a daemon that may wait for 10 s. Such cases begin early.
   */
  patience?: number
  /** Set if the case takes minutes or gigabytes: it runs only if its whole id is selected. */
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
    | {
        role: 'client'
        /** Number of children of the target process; two unless given. */
        children?: number
        run(client: ClientUnderTest): Promise<void>
      }
  )
