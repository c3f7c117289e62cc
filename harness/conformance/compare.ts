import { readJson } from './json-file.ts'
import type { Outcome, Results } from './result.ts'

/* Several results side by side, and what got worse since the first. */

export interface Row {
  id: string
  /** One for each of the results; undefined where that run did not have the case. */
  outcomes: readonly (Outcome | undefined)[]
  /** Whether a later column is worse than the first. */
  regression: boolean
}

/** Outcomes from good to bad. What a later run did not select or could not tell is worse than a pass, too. */
const rank: Record<Outcome, number> = {
  pass: 0,
  'not-applicable': 0,
  'expected-fail': 1,
  warn: 2,
  'unexpected-pass': 2,
  inconclusive: 3,
  'not-run': 3,
  fail: 4,
}

/** Reads a results.json. Throws with one line. */
export async function readResults(file: string): Promise<Results> {
  const results = (await readJson(file, 'results')) as Results | undefined
  if (!Array.isArray(results?.cases))
    throw new Error(`reading results ${file}: expected a results.json`)
  return results
}

/** A row for every case of any of the results. */
export function compare(all: readonly Results[]): Row[] {
  const ids = [...new Set(all.flatMap(({ cases }) => cases.map(({ id }) => id)))].sort()
  return ids.map((id) => {
    const outcomes = all.map(({ cases }) => cases.find((each) => each.id === id)?.outcome)
    const [first, ...later] = outcomes
    const regression =
      first !== undefined &&
      later.some(
        (outcome) => (outcome === undefined ? rank['not-run'] : rank[outcome]) > rank[first],
      )
    return { id, outcomes, regression }
  })
}
