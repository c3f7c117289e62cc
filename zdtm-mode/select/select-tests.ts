import { existsSync, globSync, readFileSync } from 'node:fs'
import { checkout } from '../../harness/hosts/checkout.ts'
import type { Desc, Flavor, PlannedTest } from '../plan.ts'
import { testsOfCriu } from './criu-tests.ts'
import { readDesc } from './desc.ts'

/*
 * The tests that there are (fixtures/zdtm, or a checkout of CRIU), and those that were asked for. Options have zdtm.py's names.
 */

export interface Selection {
  test: readonly string[]
  tests?: string
  all?: true
  exclude: readonly string[]
  from?: string
  /** Flavors, or 'best': the last one that a test lists. */
  flavor: readonly Flavor[] | 'best'
  /** A checkout of CRIU, whose tests these are then. */
  criuSource?: string
}

/** A selection that nothing matches, or that can't be read. */
export class SelectionError extends Error {
  override name = 'SelectionError'
}

/** A test that there is. */
export interface Found extends Omit<PlannedTest, 'flavor' | 'desc'> {
  /** Undefined where it can't be read. */
  desc: Desc | undefined
  /** Why it can't be started by anybody. */
  impossible?: string
}

/** Tests that were asked for and can't be planned, each with the reason. */
export interface Impossible {
  name: string
  reason: string
}

/** The tests asked for, one for each of their flavors that were asked for. Throws SelectionError. */
export function selectTests(selection: Selection): {
  planned: PlannedTest[]
  impossible: Impossible[]
} {
  const found = selection.criuSource === undefined ? ownTests() : foundIn(selection.criuSource)
  const names = namesOf(selection, found)
  const planned: PlannedTest[] = []
  const impossible: Impossible[] = []
  for (const { desc, impossible: reason, ...test } of found) {
    if (!names.has(test.name)) continue
    if (desc === undefined || reason !== undefined)
      impossible.push({ name: test.name, reason: reason ?? 'its .desc is no literal' })
    else
      planned.push(
        ...flavorsOf(desc, selection.flavor).map((flavor) => ({ ...test, desc, flavor })),
      )
  }
  if (planned.length === 0)
    throw new SelectionError(
      `selecting tests: expected at least one in a flavor that it has, got none of ${found.length}`,
    )
  return { planned, impossible }
}

function foundIn(directory: string): Found[] {
  const found = testsOfCriu(directory)
  if (found.length === 0)
    throw new SelectionError(
      `reading the tests of ${directory}: expected a checkout of CRIU with test/zdtm/static and test/zdtm/transition`,
    )
  return found
}

function namesOf(
  { test, tests, all, exclude, from }: Selection,
  found: readonly Found[],
): Set<string> {
  if (test.length === 0 && tests === undefined && all === undefined && from === undefined)
    throw new SelectionError('selecting tests: expected -t, -T, -a or -F, got none of them')
  const known = new Set(found.map(({ name }) => name))
  const auto = found.filter(({ desc }) => !desc?.flags.includes('noauto')).map(({ name }) => name)
  const wanted = [...test, ...(from === undefined ? [] : linesOf(from))].map((name) =>
    known.has(name) ? name : `zdtm/${name}`,
  )
  for (const name of wanted)
    if (!known.has(name)) throw new SelectionError(`selecting ${name}: there is no such test`)
  const matching =
    tests === undefined ? [] : auto.filter((name) => name.search(pattern(tests)) === 0)
  const without = exclude.map(pattern)
  const chosen = [...wanted, ...matching, ...(all ? auto : [])]
  return new Set(chosen.filter((name) => !without.some((expression) => expression.test(name))))
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

function flavorsOf({ flavor }: Desc, wanted: readonly Flavor[] | 'best'): Flavor[] {
  return wanted === 'best' ? flavor.slice(-1) : flavor.filter((each) => wanted.includes(each))
}

function ownTests(): Found[] {
  const root = `${checkout}/fixtures/zdtm`
  return globSync('{static,transition}/*.c', { cwd: root })
    .sort()
    .map((source) => source.slice(0, -'.c'.length))
    .map((program) => ({
      name: `zdtm/${program}`,
      program,
      desc: readDesc(`${root}/${program}.desc`),
    }))
}
