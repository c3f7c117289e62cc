import { matchesGlob } from 'node:path'
import { suggest } from '../nearest.ts'
import type { LoadedCase } from './loaded-cases.ts'

/** The cases to run: those of a daemon, of both daemons and their pair, or of a client. */
export type SelectedRole = 'proxy' | 'cache' | 'both' | 'client'

export interface Selection {
  role: SelectedRole
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
    if (role === 'both' ? value.role === 'client' : value.role !== role) return false
    if (level === 'must' && (value.level ?? 'must') !== 'must') return false
    if (level === 'should' && value.level === 'may') return false
    if (value.optIn === true && !all) return only.includes(value.id)
    return only.length === 0 || only.some((glob) => matches(each, glob))
  })
  if (selected.length === 0)
    throw new NothingSelected(
      `selecting cases: nothing is left to run${otherRole(loaded, role, only)}`,
    )
  return selected
}

/** Returns a hint if the globs match cases of a client, and daemons are judged, or the reverse. */
function otherRole(
  loaded: readonly LoadedCase[],
  role: SelectedRole,
  only: readonly string[],
): string {
  const named = loaded.filter((each) => only.some((glob) => matches(each, glob)))
  const isOther = ({ value }: LoadedCase) => (value.role === 'client') !== (role === 'client')
  if (named.length === 0 || !named.every(isOther)) return ''
  return role === 'client'
    ? ', the cases are of daemons: --role both'
    : ', the cases are of a client: --role client, and -i FILE with a `client`'
}

function matches(loaded: LoadedCase, glob: string): boolean {
  return namesOf([loaded]).some((name) => matchesGlob(name, glob))
}

/** Returns the names by which cases are selected. */
function namesOf(loaded: readonly LoadedCase[]): string[] {
  return loaded.flatMap(({ group, value }) => [value.id, group, ...value.clauses])
}
