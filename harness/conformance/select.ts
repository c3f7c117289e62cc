import { matchesGlob } from 'node:path'
import { suggest } from '../nearest.ts'
import type { LoadedCase } from './loaded-cases.ts'

export interface Selection {
  role: 'proxy' | 'cache' | 'both'
  /**
   * Globs over ids, groups and clauses; none select all. Cases that take minutes are selected by
   * their whole id, or with `all`.
   */
  only: readonly string[]
  level: 'must' | 'should' | 'all'
  /** Selects cases that take minutes as well. */
  all?: boolean
}

/** Thrown when no case is selected: otherwise a wrong glob would give a run that passes. */
export class NothingSelected extends Error {
  override name = 'NothingSelected'
}

/**
 * Returns the selected cases, in their order. Throws NothingSelected if a glob matches no case, or
 * if no case is left.
 */
export function select(
  loaded: readonly LoadedCase[],
  { role, only, level, all = false }: Selection,
): LoadedCase[] {
  for (const glob of only)
    if (!loaded.some((each) => matches(each, glob)))
      throw new NothingSelected(
        `selecting cases: no case matches --only ${glob}${suggest(glob, namesOf(loaded))}`,
      )
  const selected = loaded.filter((each) => {
    const { value } = each
    if (role !== 'both' && value.role !== role) return false
    if (level === 'must' && (value.level ?? 'must') !== 'must') return false
    if (level === 'should' && value.level === 'may') return false
    if (value.optIn === true && !all) return only.includes(value.id)
    return only.length === 0 || only.some((glob) => matches(each, glob))
  })
  if (selected.length === 0) throw new NothingSelected('selecting cases: nothing is left to run')
  return selected
}

function matches(loaded: LoadedCase, glob: string): boolean {
  return namesOf([loaded]).some((name) => matchesGlob(name, glob))
}

/** Returns the names by which cases are selected. */
function namesOf(loaded: readonly LoadedCase[]): string[] {
  return loaded.flatMap(({ group, value }) => [value.id, group, ...value.clauses])
}
