import { existsSync, readFileSync } from 'node:fs'
import type { Desc, Flavor, PlannedTest } from '../plan.ts'
import { testsOfCriu } from './criu-tests.ts'
import type { FoundTest } from './found-test.ts'
import { ownTests } from './own-tests.ts'

/* Selects tests among ours, or among those of a checkout of CRIU. Options have zdtm.py's names. */

export interface Selection {
  test: readonly string[]
  tests?: string
  all?: true
  exclude: readonly string[]
  from?: string
  /** Flavors, or 'best': the last one that a test lists. */
  flavor: readonly Flavor[] | 'best'
  /** A checkout of CRIU; its tests replace ours. */
  criuSource?: string
}

/** A selection that matches nothing or names a file that does not exist: wrong usage. */
export class SelectionError extends Error {
  override name = 'SelectionError'
}

/** A selected test that cannot be planned, with the reason. */
export interface Impossible {
  name: string
  reason: string
}

export interface Selected {
  planned: PlannedTest[]
  impossible: Impossible[]
}

/** Returns the selected tests, one for each selected flavor that they have. Throws SelectionError. */
export function selectTests(selection: Selection): Selected {
  const { criuSource, flavor } = selection
  const found = criuSource === undefined ? ownTests() : testsInCheckout(criuSource)
  const names = selectedNames(selection, found)
  const selected: Selected = { planned: [], impossible: [] }
  for (const test of found) if (names.has(test.name)) addTest(test, flavor, selected)
  if (selected.planned.length === 0)
    throw new SelectionError(
      `selecting tests: expected at least one in a flavor that it has, got none of ${found.length}`,
    )
  return selected
}

function addTest(
  { desc, impossible, ...test }: FoundTest,
  wanted: Selection['flavor'],
  selected: Selected,
): void {
  if (desc === undefined || impossible !== undefined) {
    const reason = impossible ?? 'its .desc is no literal'
    selected.impossible.push({ name: test.name, reason })
    return
  }
  for (const flavor of flavorsOf(desc, wanted)) selected.planned.push({ ...test, desc, flavor })
}

function flavorsOf({ flavor }: Desc, wanted: Selection['flavor']): Flavor[] {
  return wanted === 'best' ? flavor.slice(-1) : flavor.filter((each) => wanted.includes(each))
}

function testsInCheckout(directory: string): FoundTest[] {
  const found = testsOfCriu(directory)
  if (found.length === 0)
    throw new SelectionError(
      `reading the tests of ${directory}: expected a checkout of CRIU with test/zdtm/static and test/zdtm/transition`,
    )
  return found
}

function selectedNames(selection: Selection, found: readonly FoundTest[]): Set<string> {
  const { test, tests, all, exclude, from } = selection
  if (test.length === 0 && tests === undefined && all === undefined && from === undefined)
    throw new SelectionError('selecting tests: expected -t, -T, -a or -F, got none of them')
  const auto = found.filter(({ desc }) => !desc?.flags.includes('noauto')).map(({ name }) => name)
  const named = namedTests(selection, found)
  const matching =
    tests === undefined ? [] : auto.filter((name) => name.search(pattern(tests)) === 0)
  const excluded = exclude.map(pattern)
  const selected = [...named, ...matching, ...(all ? auto : [])]
  return new Set(selected.filter((name) => !excluded.some((expression) => expression.test(name))))
}

/** Returns the tests that are selected by name, with the prefix `zdtm/` where it was left out. */
function namedTests({ test, from }: Selection, found: readonly FoundTest[]): string[] {
  const known = new Set(found.map(({ name }) => name))
  const given = [...test, ...(from === undefined ? [] : linesOf(from))]
  const names = given.map((name) => (known.has(name) ? name : `zdtm/${name}`))
  for (const name of names)
    if (!known.has(name)) throw new SelectionError(`selecting ${name}: there is no such test`)
  return names
}

function pattern(text: string): RegExp {
  try {
    return new RegExp(text)
  } catch (thrown) {
    throw new SelectionError(`selecting tests by '${text}': ${(thrown as Error).message}`)
  }
}

function linesOf(file: string): string[] {
  if (!existsSync(file))
    throw new SelectionError(`reading the list of tests ${file}: there is no such file`)
  return readFileSync(file, 'utf8')
    .split('\n')
    .map((line) => line.trim())
    .filter(Boolean)
}
