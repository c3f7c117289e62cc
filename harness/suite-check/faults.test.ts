import { readFileSync } from 'node:fs'
import t from 'tap'
import { usualCases as cases } from '../../scenarios/index.ts'
import type { LoadedCase } from '../conformance/loaded-cases.ts'
import { clauses } from '../conformance/register.ts'
import type { CaseResult } from '../conformance/result.ts'
import { checkout } from '../hosts/checkout.ts'
import { faults } from './faults/index.ts'
import { describeKills, type Kills } from './kill-matrix-page.ts'
import type { Mutant } from './mutant.ts'
import { oddities } from './oddities.ts'
import { found, NotStarted, runMutants, START } from './run-cases.ts'

/* Checks that the suite finds every fault. */

const kills = JSON.parse(
  readFileSync(`${checkout}/harness/suite-check/kills.json`, 'utf8'),
) as Kills
const byId = new Map(cases.map((each) => [each.value.id, each]))

/** Number of faults at a time: most cases only wait for their deadline. */
t.jobs = 3

t.test('the kill matrix is current, and complete', async (t) => {
  t.equal(
    readFileSync(`${checkout}/docs/kill-matrix.md`, 'utf8'),
    describeKills(kills),
    'docs/kill-matrix.md is generated from kills.json',
  )
  t.same(
    Object.keys(kills),
    faults.map(({ id }) => id),
    'kills.json has every fault',
  )
  t.same(
    faults.filter(({ id }) => kills[id]?.length === 0).map(({ id }) => id),
    [],
    'every fault is found',
  )
  const finders = new Set(Object.values(kills).flat())
  t.same(
    [...finders].filter((id) => id !== START && !byId.has(id)),
    [],
    'every finder is a case',
  )
  t.same(
    [...byId.keys()].filter((id) => !finders.has(id)),
    [],
    'every case finds a fault',
  )
  const broken = new Set(faults.flatMap((fault) => fault.clauses))
  t.same(
    clauses
      .filter(({ id, level, dialects }) => level === 'must' && !dialects && !broken.has(id))
      .map(({ id }) => id),
    [],
    'every MUST has a fault',
  )
  t.ok(oddities.length >= 8, `${oddities.length} oddities`)
})

t.test('the text that a mutant replaces is in its file exactly once', async (t) => {
  for (const { id, file, find } of [...faults, ...oddities]) {
    t.equal(readFileSync(`${checkout}/${file}`, 'utf8').split(find).length, 2, `${id} in ${file}`)
  }
})

for (const [fault, finders] of assignment()) {
  t.test(
    `${fault.id} is found by ${finders.map(({ value }) => value.id).join(', ') || START}`,
    { buffered: true },
    async (t) => {
      if (finders.length > 0) {
        t.same(await blindTo(fault, finders), [])
        return
      }
      t.type(
        await runMutants([fault], cases.slice(0, 1), { timeout: 5_000, jobs: 1 }),
        NotStarted,
        'it does not start',
      )
    },
  )
}

t.test(
  'the failure that a case reports is its own, not the end of the proxy that follows',
  async (t) => {
    const fault = faults.find(({ id }) => id === 'first-write-wins') as Mutant
    const results = await runMutants(
      [fault],
      [byId.get('proxy-rewrite-in-one-snapshot-only') as LoadedCase],
      { timeout: 5_000, jobs: 1 },
    )
    const [result] = results as CaseResult[]
    t.match(result, { outcome: 'fail', actual: /12 bytes/ })
    t.notMatch(result, { what: /process/ })
  },
)

/**
 * Returns the cases that do not find the fault in three runs: some faults show by chance, and some
 * cases are random.
 */
async function blindTo(fault: Mutant, finders: readonly LoadedCase[]): Promise<string[]> {
  let blind = finders
  let why = ''
  for (let run = 1; run <= 3 && blind.length > 0; run++) {
    const results = await runMutants([fault], blind, { timeout: 5_000, jobs: 2 })
    why = results instanceof NotStarted ? `: ${results.why}` : ''
    if (results instanceof NotStarted) continue
    const finds = new Set(results.filter(found).map(({ id }) => id))
    blind = blind.filter(({ value }) => !finds.has(value.id))
  }
  return blind.map(({ value }) => `${value.id}${why}`)
}

/**
 * Assigns to each fault its first finder, if possible one that is not random, and each case to one
 * of the faults that it finds.
 */
function assignment(): Map<Mutant, LoadedCase[]> {
  const isRandom = (id: string) => /^(model|fuzz)-/.test(id)
  const first = (ids: readonly string[]) => (ids.find((id) => !isRandom(id)) ?? ids[0]) as string
  const assigned = new Map(
    faults.map((fault) => [
      fault,
      kills[fault.id]?.length ? [first(kills[fault.id] as string[])] : [],
    ]),
  )
  for (const id of byId.keys()) {
    const fault = faults.find((each) => kills[each.id]?.includes(id))
    if (fault !== undefined && ![...assigned.values()].some((finders) => finders.includes(id)))
      assigned.get(fault)?.push(id)
  }
  return new Map(
    [...assigned].map(([fault, ids]) => [fault, ids.flatMap((id) => byId.get(id) ?? [])]),
  )
}
