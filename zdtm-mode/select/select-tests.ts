import type { Desc, Flavor, PlannedTest } from '../plan.ts'
import { testsOfCriu } from './criu-tests.ts'
import type { FoundTest } from './found-test.ts'
import { ownTests } from './own-tests.ts'
import { SelectionError } from './selection-error.ts'
import { type ListedTest, readTestList } from './test-list.ts'

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

/** A selected test that cannot be planned, with the reason. */
export interface Impossible {
  name: string
  reason: string
}

export interface Selected {
  planned: PlannedTest[]
  impossible: Impossible[]
}

/**
 * Returns the selected tests, one for each selected flavor that they have. Throws SelectionError.
 */
export function selectTests(selection: Selection): Selected {
  const { criuSource, from } = selection
  const found = criuSource === undefined ? ownTests() : testsInCheckout(criuSource)
  const list = from === undefined ? [] : readTestList(from)
  const names = selectedNames(selection, list, found)
  const selected: Selected = { planned: [], impossible: [] }
  for (const test of found)
    if (names.has(test.name)) addTest(test, listedFlavors(test, list) ?? selection.flavor, selected)
  if (selected.planned.length === 0)
    throw new SelectionError(
      `selecting tests: expected at least one in a flavor that it has, got none of ${found.length}`,
    )
  return selected
}

/** Returns the flavors of a test that is in the list with flavors only. */
function listedFlavors({ name }: FoundTest, list: readonly ListedTest[]): Flavor[] | undefined {
  const lines = list.filter((line) => [line.name, `zdtm/${line.name}`].includes(name))
  const flavors = lines.flatMap(({ flavor }) => flavor ?? [])
  return lines.length > 0 && flavors.length === lines.length ? flavors : undefined
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

function selectedNames(
  { test, tests, all, exclude, from }: Selection,
  list: readonly ListedTest[],
  found: readonly FoundTest[],
): Set<string> {
  if (test.length === 0 && tests === undefined && all === undefined && from === undefined)
    throw new SelectionError('selecting tests: expected -t, -T, -a or -F, got none of them')
  const auto = found.filter(({ desc }) => !desc?.flags.includes('noauto')).map(({ name }) => name)
  const named = fullNames([...test, ...list.map(({ name }) => name)], found)
  const matching =
    tests === undefined ? [] : auto.filter((name) => name.search(pattern(tests)) === 0)
  const excluded = exclude.map(pattern)
  const selected = [...named, ...matching, ...(all ? auto : [])]
  return new Set(selected.filter((name) => !excluded.some((expression) => expression.test(name))))
}

/** Returns the names with the prefix `zdtm/` where it was left out. */
function fullNames(names: readonly string[], found: readonly FoundTest[]): string[] {
  const known = new Set(found.map(({ name }) => name))
  const full = names.map((name) => (known.has(name) ? name : `zdtm/${name}`))
  for (const name of full)
    if (!known.has(name)) throw new SelectionError(`selecting ${name}: there is no such test`)
  return full
}

function pattern(text: string): RegExp {
  try {
    return new RegExp(text)
  } catch (thrown) {
    throw new SelectionError(`selecting tests by '${text}': ${(thrown as Error).message}`)
  }
}
