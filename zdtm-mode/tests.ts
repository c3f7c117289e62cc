import { existsSync, globSync, readFileSync } from 'node:fs'
import JSON5 from 'json5'
import { checkout } from '../harness/hosts/checkout.ts'
import type { Desc, Flavor, PlannedTest } from './plan.ts'

/*
 * The tests that there are (fixtures/zdtm), and those that were asked for. Options have zdtm.py's names.
 */

export interface Selection {
  test: readonly string[]
  tests?: string
  all?: true
  exclude: readonly string[]
  from?: string
  /** Flavors, or 'best': the last one that a test lists. */
  flavor: readonly Flavor[] | 'best'
}

/** A selection that nothing matches, or that can't be read. */
export class SelectionError extends Error {
  override name = 'SelectionError'
}

const FLAVORS: readonly Flavor[] = ['h', 'ns', 'uns']
const DEFAULT_TIMEOUT = 30

interface Found {
  name: string
  /** Path of the program in the agent's build. */
  program: string
  /** Undefined where it can't be read. */
  desc: Desc | undefined
}

/** The tests asked for, one for each of their flavors that were asked for. Throws SelectionError. */
export function selectTests(selection: Selection): { planned: PlannedTest[]; unreadable: string[] } {
  const found = ownTests()
  const names = namesOf(selection, found)
  const chosen = found.filter(({ name }) => names.has(name))
  const planned = chosen.flatMap(({ desc, ...test }) =>
    desc === undefined ? [] : flavorsOf(desc, selection.flavor).map((flavor) => ({ ...test, desc, flavor })),
  )
  const unreadable = chosen.filter(({ desc }) => desc === undefined).map(({ name }) => name)
  if (planned.length === 0)
    throw new SelectionError(`selecting tests: expected at least one in a flavor that it has, got none of ${found.length}`)
  return { planned, unreadable }
}

function namesOf({ test, tests, all, exclude, from }: Selection, found: readonly Found[]): Set<string> {
  if (test.length === 0 && tests === undefined && all === undefined && from === undefined)
    throw new SelectionError('selecting tests: expected -t, -T, -a or -F, got none of them')
  const known = new Set(found.map(({ name }) => name))
  const auto = found.filter(({ desc }) => !desc?.flags.includes('noauto')).map(({ name }) => name)
  const wanted = [...test, ...(from === undefined ? [] : linesOf(from))].map((name) => (known.has(name) ? name : `zdtm/${name}`))
  for (const name of wanted) if (!known.has(name)) throw new SelectionError(`selecting ${name}: there is no such test`)
  const matching = tests === undefined ? [] : auto.filter((name) => name.search(pattern(tests)) === 0)
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
  if (!existsSync(file)) throw new SelectionError(`reading the list of tests ${file}: there is no such file`)
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
    .map((program) => ({ name: `zdtm/${program}`, program, desc: readDesc(`${root}/${program}.desc`) }))
}

/** A Python literal is JSON5 but for its comments. None is as an empty one; undefined is one that computes something. */
function readDesc(file: string): Desc | undefined {
  const text = existsSync(file) ? readFileSync(file, 'utf8').replaceAll(/^\s*#.*$/gm, '') : ''
  try {
    const fields = (text.trim() === '' ? {} : JSON5.parse(text)) as Record<string, string>
    const words = (key: string) =>
      String(fields[key] ?? '')
        .split(/\s+/)
        .filter(Boolean)
    return {
      flavor: fields['flavor'] === undefined ? FLAVORS : FLAVORS.filter((flavor) => words('flavor').includes(flavor)),
      flags: words('flags'),
      feature: words('feature'),
      arch: words('arch'),
      opts: words('opts'),
      dopts: words('dopts'),
      ropts: words('ropts'),
      timeout: Number(fields['timeout'] ?? DEFAULT_TIMEOUT),
    }
  } catch {
    return undefined
  }
}
