import { clauses } from '../register.ts'
import type { CaseResult } from '../result.ts'

/**
 * Returns the loss of a user by the clause that a failure breaks; undefined for a warning, and for
 * a clause whose loss is obvious.
 */
export function lossBy({ outcome, expected = [] }: CaseResult): string | undefined {
  if (outcome !== 'fail') return undefined
  const broken = expected.map(({ clause }) => clauses.find(({ id }) => id === clause))
  return broken.find((each) => each?.loss !== undefined)?.loss
}
