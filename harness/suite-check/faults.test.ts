import { readFileSync } from 'node:fs'
import t from 'tap'
import { usualCases } from '../../scenarios/index.ts'
import { basicRank } from '../conformance/basic-cases.ts'
import type { LoadedCase } from '../conformance/loaded-cases.ts'
import { clauses } from '../conformance/register.ts'
import { checkout } from '../hosts/checkout.ts'
import { leaveToAll, tier } from '../testing/tier.ts'
import { architectureFinders } from './architectures/index.ts'
import { assignAll, assignFirst } from './assign-finders.ts'
import { faults } from './faults/index.ts'
import { causes, described, type FirstFailure, type FirstFailures } from './first-failure.ts'
import { describeKills, type Kills } from './kill-matrix-page.ts'
import type { Mutant } from './mutant.ts'
import { oddities } from './oddities.ts'
import { found, NotStarted, runMutants, START } from './run-cases.ts'

/* Every fault is found by the cases that are said to find it. */

/** The cases of daemons; client/client.test.ts has those of clients. */
const cases = usualCases.filter(({ value }) => value.role !== 'client')

/** Deadline of a case, in ms: many cases find a fault by waiting for all of it. */
const TIMEOUT = 5_000

/** Runs of the finders of a fault, and of finders by chance, until each has found it. */
const [RUNS, CHANCE_RUNS] = [3, 8]

/** More than the number of basic cases, which come before all others. */
const basicCount = 100

/** Faults at once: the processors are idle while cases wait for their deadline. */
t.jobs = 8

const kills = JSON.parse(
  readFileSync(`${checkout}/harness/suite-check/kills.json`, 'utf8'),
) as Kills
const firstFailures = JSON.parse(
  readFileSync(`${checkout}/harness/suite-check/first-failures.json`, 'utf8'),
) as FirstFailures
const byId = new Map(cases.map((each) => [each.value.id, each]))

t.test('the kill matrix is current and complete', async (t) => {
  const finders = new Set([...Object.values(kills).flat(), ...architectureFinders])
  const broken = new Set(faults.flatMap((fault) => fault.clauses))
  const musts = clauses.filter(
    ({ id, level, dialects }) => level === 'must' && !dialects && !id.startsWith('K'),
  )
  t.equal(
    readFileSync(`${checkout}/docs/kill-matrix.md`, 'utf8'),
    describeKills(kills, firstFailures),
    'docs/kill-matrix.md is made of kills.json and first-failures.json',
  )
  const ids = faults.map(({ id }) => id)
  t.same(Object.keys(kills), ids, 'kills.json has every fault')
  const unfound = ids.filter((id) => kills[id]?.length === 0)
  t.same(unfound, [], 'every fault is found')
  const unknown = [...finders].filter((id) => id !== START && !byId.has(id))
  t.same(unknown, [], 'every finder is a case')
  const idle = [...byId.keys()].filter((id) => !finders.has(id))
  t.same(idle, [], 'every case finds a fault')
  const whole = musts.map(({ id }) => id).filter((id) => !broken.has(id))
  t.same(whole, [], 'every MUST has a fault')
  t.ok(oddities.length >= 8, `${oddities.length} oddities`)
})

t.test('each mutant finds the text that it changes, once', async (t) => {
  for (const { id, file, find } of [...faults, ...oddities]) {
    t.equal(readFileSync(`${checkout}/${file}`, 'utf8').split(find).length, 2, `${id} in ${file}`)
  }
})

const all = assignAll(faults, kills, cases)
const assigned = tier === 'all' ? all : assignFirst(faults, kills, cases)
const left = countFinders(all) - countFinders(assigned)
if (left > 0) leaveToAll(t, left, 'further cases that find a fault')

for (const [fault, finders] of assigned) {
  const names = finders.map(({ value }) => value.id).join(', ') || START
  t.test(`${fault.id} is found by ${names}`, { buffered: true }, async (t) => {
    if (finders.length > 0) t.same(await blindTo(fault, finders), [])
    else t.type(await runMutants([fault], oneOfEachRole(), options()), NotStarted)
  })
}

t.test('the first failure of a known cause names it', async (t) => {
  t.same(Object.keys(firstFailures), Object.keys(causes))
  const order = (id: string) =>
    basicRank(id) ?? basicCount + cases.findIndex(({ value }) => value.id === id)
  for (const [id, first] of Object.entries(firstFailures)) {
    t.match(first.permitted, `[${causes[id]}]`, id)
    const earlier = kills[id]?.filter((finder) => order(finder) < order(first.case))
    t.same(earlier, [], `no case before ${first.case} finds ${id}`)
  }
})

/** Faults whose first failure has one of several texts, as the bytes of two streams mix. */
const RACES = ['second-connection-mixed-in']

for (const [id, first] of Object.entries(firstFailures)) {
  t.test(`${id} fails first with the clause of its cause`, { buffered: true }, async (t) => {
    const now = await sameFailure(id, first)
    t.match(now?.permitted ?? 'no failure', `[${causes[id]}]`)
    if (!RACES.includes(id)) t.equal(textOf(now), textOf(first))
  })
}

/**
 * Returns the failure of the recorded case, of three runs the first with the recorded text: on a
 * busy machine some faults do not show in each run.
 */
async function sameFailure(id: string, first: FirstFailure): Promise<FirstFailure | undefined> {
  const fault = faults.find((each) => each.id === id) as Mutant
  const one = byId.get(first.case) as LoadedCase
  let failure: FirstFailure | undefined
  for (let run = 1; run <= 3 && textOf(failure) !== textOf(first); run++) {
    const results = await runMutants([fault], [one], options())
    const result = results instanceof NotStarted ? undefined : results.find(found)
    if (result !== undefined) failure = described(result)
  }
  return failure
}

/** Returns the text of a failure without its numbers, which differ between runs. */
function textOf(failure: FirstFailure | undefined): string {
  return failure === undefined ? 'no failure' : JSON.stringify(failure).replaceAll(/\d+/g, '#')
}

t.test(
  'the reason is the observation of a case, not the end of a proxy that thereby lost its cache',
  { buffered: true },
  async (t) => {
    const fault = faults.find(({ id }) => id === 'first-write-wins') as Mutant
    const one = byId.get('proxy-rewrite-in-one-snapshot-only') as LoadedCase
    const results = await runMutants([fault], [one], options())
    const [result] = results instanceof NotStarted ? [] : results
    t.match(result, { outcome: 'fail', actual: /12 bytes/ })
    t.notMatch(result, { what: /process/ })
  },
)

/**
 * Returns the cases that do not find the fault in any run: some faults show by chance, and random
 * cases have another seed in each run.
 */
async function blindTo(fault: Mutant, finders: readonly LoadedCase[]): Promise<string[]> {
  let blind = finders
  let why = ''
  const isByChance = finders.some(({ value }) => /^model-|-in-one-piece$/.test(value.id))
  for (let run = 1; run <= (isByChance ? CHANCE_RUNS : RUNS) && blind.length > 0; run++) {
    const results = await runMutants([fault], blind, { ...options(), seed: run })
    why = results instanceof NotStarted ? `: ${results.why}` : ''
    if (results instanceof NotStarted) continue
    const finds = new Set(results.filter(found).map(({ id }) => id))
    blind = blind.filter(({ value }) => !finds.has(value.id))
  }
  return blind.map(({ value }) => `${value.id}${why}`)
}

/** Returns a case for each role: a daemon that does not start ends the run of its first case. */
function oneOfEachRole(): LoadedCase[] {
  return (['proxy', 'cache'] as const).flatMap(
    (role) => cases.find(({ value }) => value.role === role) ?? [],
  )
}

function options() {
  return { timeout: TIMEOUT, jobs: 2 }
}

function countFinders(assigned: ReadonlyMap<Mutant, LoadedCase[]>): number {
  return [...assigned.values()].flat().length
}
