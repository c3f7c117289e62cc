import t from 'tap'
import { usualCases as cases } from '../../scenarios/index.ts'
import type { LoadedCase } from '../conformance/loaded-cases.ts'
import { isSound } from '../conformance/result.ts'
import type { Mutant } from './mutant.ts'
import { type Oddity, oddities } from './oddities.ts'
import { NotStarted, runMutants, shareClause } from './run-cases.ts'

/*
 * Checks that no case fails on an oddity.
 *
 * To run all cases against each oddity would take half of the time of all tests. So all cases run
 * against three implementations with several oddities each. As one oddity could hide another, the
 * cases of its clauses also run against each oddity alone.
 */

for (const [letter, several] of Map.groupBy(oddities, ({ together }) => together)) {
  t.test(`no case fails on ${several.map(({ id }) => id).join(', ')} (${letter})`, async (t) => {
    t.same(await failing(several, cases), [])
  })
}

for (const oddity of oddities) {
  t.test(`no case of its clauses fails on ${oddity.id} alone: ${oddity.about}`, async (t) => {
    const its = cases.filter((each) => shareClause(each, oddity))
    t.not(its.length, 0)
    t.same(await failing([oddity], its), [])
  })
}

/**
 * Returns the cases that fail, and fail again alone: an oddity makes cases slower, and a busy
 * machine can miss a deadline.
 */
async function failing(
  together: readonly Oddity[],
  among: readonly LoadedCase[],
): Promise<string[]> {
  const suspects = await failingOnce(together, among, { timeout: 20_000, jobs: 4 })
  const { why } = await failingOnce(together, suspects.cases, { timeout: 60_000, jobs: 1 })
  return why
}

interface Failing {
  cases: LoadedCase[]
  why: string[]
}

async function failingOnce(
  together: readonly Mutant[],
  among: readonly LoadedCase[],
  options: { timeout: number; jobs: number },
): Promise<Failing> {
  if (among.length === 0) return { cases: [], why: [] }
  const results = await runMutants(together, among, options)
  if (results instanceof NotStarted) return { cases: [...among], why: [results.why] }
  const bad = new Map(
    results
      .filter((each) => !isSound(each))
      .map((each) => [each.id, `${each.id}: ${each.what}: ${each.actual}`]),
  )
  return { cases: among.filter(({ value }) => bad.has(value.id)), why: [...bad.values()] }
}
