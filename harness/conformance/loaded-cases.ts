import { createHash } from 'node:crypto'
import type { Case } from './case.ts'
import { clause, clauses } from './register.ts'

/** A case with the group that it belongs to. */
export interface LoadedCase {
  /** The name of its file in scenarios/cases/, without the ending. */
  group: string
  value: Case
}

/**
 * Returns the cases of all groups, in order. Throws for a wrong or repeated id and an unknown
 * clause.
 */
export function loadCases(groups: Record<string, readonly Case[]>): LoadedCase[] {
  const loaded = Object.entries(groups).flatMap(([group, cases]) =>
    cases.map((value) => ({ group, value })),
  )
  check(loaded)
  return loaded
}

/** Returns a hash of the suite: two runs with the same one can be compared case by case. */
export function caseSet(loaded: readonly LoadedCase[]): string {
  const hash = createHash('sha256')
  for (const { value } of loaded)
    hash.update(
      JSON.stringify([value.id, value.clauses, value.level ?? 'must', value.role, value.about]),
    )
  return hash.digest('hex')
}

/** Returns the ids of MUST clauses that no MUST case judges. */
export function uncovered(loaded: readonly LoadedCase[]): string[] {
  const covered = new Set(
    loaded
      .filter(({ value }) => (value.level ?? 'must') === 'must')
      .flatMap(({ value }) => value.clauses),
  )
  return clauses.filter(({ id, level }) => level === 'must' && !covered.has(id)).map(({ id }) => id)
}

function check(loaded: readonly LoadedCase[]): void {
  const seen = new Set<string>()
  for (const { group, value } of loaded) {
    const where = `loading case ${value.id} of scenarios/cases/${group}.ts`
    if (!/^[a-z0-9]+(-[a-z0-9]+)*$/.test(value.id))
      throw new Error(`${where}: expected an id of lower case letters, digits and hyphens`)
    if (seen.has(value.id)) throw new Error(`${where}: another case has that id`)
    if (value.clauses.length === 0) throw new Error(`${where}: expected it to cite a clause`)
    for (const id of value.clauses) clause(id)
    seen.add(value.id)
  }
}
