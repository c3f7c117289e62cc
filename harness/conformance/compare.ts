import { suggest } from '../nearest.ts'
import { readJson } from './json-file.ts'
import { type Outcome, type Results, results } from './result.ts'

/** One case in several results. */
export interface Row {
  id: string
  /** The outcome in each of the results; undefined where that run did not have the case. */
  outcomes: readonly (Outcome | undefined)[]
  /** Whether a later outcome is worse than the first. */
  regression: boolean
  /** Whether the outcomes are not all the same. */
  differs: boolean
}

/** A file with results. */
export interface ResultsFile {
  file: string
  results: Results
}

/** Outcomes from good to bad. A case that a later run left undecided is worse than a pass, too. */
const rank: Record<Outcome, number> = {
  pass: 0,
  'not-applicable': 0,
  'expected-fail': 1,
  flaky: 1,
  warn: 2,
  'unexpected-pass': 2,
  blocked: 3,
  inconclusive: 3,
  'not-run': 3,
  fail: 4,
}

/** Reads a results.json. Throws an error of one line. */
export async function readResults(file: string): Promise<Results> {
  const read = await readJson(results, file, 'results')
  const seen = new Set<string>()
  for (const [at, { id }] of read.cases.entries()) {
    if (seen.has(id)) throw new Error(`reading results ${file}: cases.${at}: ${id} is there twice`)
    seen.add(id)
  }
  return read
}

/**
 * Returns a row for every case of any of the results, sorted by id. A case that later results lack
 * is a regression, unless its id is among `without`. Throws an error of one line if the first
 * results have no case, if the results are of two tools, and for an id of `without` in no results.
 */
export function compare(files: readonly ResultsFile[], without: readonly string[] = []): Row[] {
  const all = files.map((each) => each.results)
  const ids = [...new Set(all.flatMap(({ cases }) => cases.map(({ id }) => id)))].sort()
  checkComparable(files)
  for (const id of without)
    if (!ids.includes(id))
      throw new Error(`comparing results: no results have case ${id}${suggest(id, ids)}`)
  const outcomes = all.map(({ cases }) => new Map(cases.map(({ id, outcome }) => [id, outcome])))
  return ids.map((id) =>
    rowOf(
      id,
      outcomes.map((each) => each.get(id)),
      without.includes(id),
    ),
  )
}

/** Returns a name for each of the results; files tell implementations of one name apart. */
export function labels(files: readonly ResultsFile[]): string[] {
  const names = files.map(({ results }) => nameOf(results))
  return files.map(({ file }, at) => {
    const name = names[at] as string
    const isUnique = names.filter((each) => each === name).length === 1
    return isUnique ? name : `${name} (${file})`
  })
}

const nameOf = ({ implementation, pressure }: Results) =>
  pressure ? `${implementation} under pressure` : implementation

function checkComparable([first, ...later]: readonly ResultsFile[]): void {
  if (first === undefined) return
  if (first.results.cases.length === 0)
    throw new Error(`comparing results: expected cases in ${first.file}, got none`)
  const { tool } = first.results
  const other = later.find(({ results }) => results.tool !== tool)
  if (other !== undefined)
    throw new Error(
      `comparing results: expected results of ${tool} in ${other.file}, got those of ${other.results.tool}`,
    )
}

function rowOf(id: string, outcomes: readonly (Outcome | undefined)[], mayVanish: boolean): Row {
  return {
    id,
    outcomes,
    regression: isRegression(outcomes, mayVanish),
    differs: outcomes.some((outcome) => outcome !== outcomes[0]),
  }
}

function isRegression(
  [first, ...later]: readonly (Outcome | undefined)[],
  mayVanish: boolean,
): boolean {
  if (first === undefined) return false
  return later.some((outcome) => (outcome === undefined ? !mayVanish : rank[outcome] > rank[first]))
}
