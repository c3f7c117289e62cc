export type Level = 'must' | 'should' | 'may'

/** A demand of the protocol, in this project's words. */
export interface Clause {
  /** The id never changes, because cases cite it. */
  id: string
  section: string
  /**
   * MUST where the design or a working client depends on it, or where bytes would be lost, wrong or
   * leaked; SHOULD for the project's other demands.
   */
  level: Level
  /** Dialects for which it holds; all unless given. */
  dialects?: readonly string[]
  text: string
  /** The part of the clause that demands less, if there is one. */
  weaker?: { level: Level; text: string }
  /** The loss of a user whose implementation breaks it, in a sentence or two. */
  loss?: string
  /**
   * `design`: the design of December 2015. `criu`: CRIU on the wire. `ours`: this project's demand
   * where both are silent.
   */
  source: 'design' | 'criu' | 'ours'
  /** The sentence of the design, the observation, or the reason that the clause comes from. */
  origin: string
}

/** Levels from weak to strong. */
const strength: Record<Level, number> = { may: 0, should: 1, must: 2 }

/** Returns whether a demand of the first level is at most as strong as one of the second. */
export const isAtMost = (level: Level, limit: Level): boolean => strength[level] <= strength[limit]
