import t from 'tap'
import { usualCases as cases } from '../../scenarios/index.ts'
import type { LoadedCase } from '../conformance/loaded-cases.ts'
import { levelOfDemand } from '../conformance/register.ts'
import { type CaseResult, isSound } from '../conformance/result.ts'
import { leaveToAll, tier } from '../testing/tier.ts'
import type { Mutant } from './mutant.ts'
import { oddities } from './oddities.ts'
import { NotStarted, runMutants, shareClause } from './run-cases.ts'

/*
 * No case fails on an implementation that does something else than the reference and is permitted.
 * A case may warn where the clause that it cites is a SHOULD.
 *
 * All cases against each oddity alone would take half of the time of all tests. So all cases meet
 * three implementations that have several oddities each. One oddity can hide the effect of another,
 * so the full tier (CRIU_REMOTE_TIER=all) also runs the cases of its clauses on each oddity alone.
 */

const groups = Map.groupBy(oddities, ({ together }) => together)

for (const [letter, several] of groups) {
  const names = several.map(({ id }) => id).join(', ')
  t.test(`no case fails on group ${letter} of oddities: ${names}`, async (t) => {
    t.same(await failing(several, cases), [])
  })
}

if (tier === 'all') {
  for (const oddity of oddities) {
    t.test(`no case of its clauses fails on ${oddity.id} alone: ${oddity.about}`, async (t) => {
      const its = cases.filter((each) => shareClause(each, oddity))
      t.not(its.length, 0)
      t.same(await failing([oddity], its), [])
    })
  }
} else {
  leaveToAll(t, oddities.length, 'oddities alone')
}

/**
 * Returns the failures that come again when their cases run alone: an oddity makes cases slower,
 * and a busy machine can miss a deadline.
 */
async function failing(
  together: readonly Mutant[],
  among: readonly LoadedCase[],
): Promise<string[]> {
  const suspects = await failingOnce(together, among, { timeout: 20_000, jobs: 6 })
  const { why } = await failingOnce(together, suspects.cases, { timeout: 60_000, jobs: 1 })
  return why
}

/** Whether a result is a warning about a clause, or a part of one, that is no MUST. */
const isRecommendation = ({ outcome, expected = [] }: CaseResult) =>
  outcome === 'warn' && levelOfDemand(expected) !== 'must'

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
      .filter((each) => !isSound(each) && !isRecommendation(each))
      .map((each) => [each.id, `${each.id}: ${each.what}: ${each.actual}`]),
  )
  return { cases: among.filter(({ value }) => bad.has(value.id)), why: [...bad.values()] }
}
