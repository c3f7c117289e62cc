import { readJson } from './json-file.ts'
import { type Outcome, type Results, results } from './result.ts'

/** One case in several results. */
export interface Row {
  id: string
  /** The outcome in each of the results; undefined where that run did not have the case. */
  outcomes: readonly (Outcome | undefined)[]
  /** Whether a later outcome is worse than the first. */
  regression: boolean
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
export function readResults(file: string): Promise<Results> {
  return readJson(results, file, 'results')
}

/** Returns a row for every case of any of the results, sorted by id. */
export function compare(all: readonly Results[]): Row[] {
  const ids = [...new Set(all.flatMap(({ cases }) => cases.map(({ id }) => id)))].sort()
  return ids.map((id) => {
    const outcomes = all.map(({ cases }) => cases.find((each) => each.id === id)?.outcome)
    return { id, outcomes, regression: isRegression(outcomes) }
  })
}

function isRegression([first, ...later]: readonly (Outcome | undefined)[]): boolean {
  if (first === undefined) return false
  return later.some((outcome) => rank[outcome ?? 'not-run'] > rank[first])
}
