import type { Permitted } from '../violation.ts'
import { type Clause, isAtMost, type Level } from './clause.ts'
import { clauses as cacheReads } from './clauses/cache-reads.ts'
import { clauses as client } from './clauses/client.ts'
import { clauses as dialects } from './clauses/dialects.ts'
import { clauses as end } from './clauses/end.ts'
import { clauses as forwarding } from './clauses/forwarding.ts'
import { clauses as framing } from './clauses/framing.ts'
import { clauses as local } from './clauses/local.ts'
import { clauses as proxyReads } from './clauses/proxy-reads.ts'
import { clauses as resources } from './clauses/resources.ts'
import { clauses as snapshots } from './clauses/snapshots.ts'

/** All clauses, section by section. A test fails if no case judges a MUST. */
export const clauses: readonly Clause[] = [
  ...framing,
  ...local,
  ...snapshots,
  ...forwarding,
  ...proxyReads,
  ...cacheReads,
  ...end,
  ...resources,
  ...client,
  ...dialects,
]

/** Returns the clause with this id. Throws for an unknown id. */
export function clause(id: string): Clause {
  const found = clauses.find((each) => each.id === id)
  if (found === undefined)
    throw new Error(`looking up clause ${id}: the register has no such clause`)
  return found
}

/**
 * Returns the level of an expectation: its own, or that of its clause. An expectation without a
 * clause rests on the contract of a test program, which is a MUST. Throws for an unknown clause,
 * and for a level that no part of the clause has.
 */
export function levelOf({ outcome, clause: id, level }: Permitted): Level {
  if (id === '') return 'must'
  const { level: whole, weaker } = clause(id)
  if (level === undefined || level === weaker?.level) return level ?? whole
  throw new Error(`expecting "${outcome}": no part of clause ${id} has level ${level}`)
}

/** Returns the level of a demand for one of several outcomes: that of the strongest of them. */
export function levelOfDemand(permitted: readonly Permitted[]): Level {
  const levels = permitted.map(levelOf)
  return levels.reduce((one, other) => (isAtMost(one, other) ? other : one), levels[0] ?? 'must')
}
