import { readFileSync, writeFileSync } from 'node:fs'
import { usualCases } from '../../scenarios/index.ts'
import type { LoadedCase } from '../conformance/loaded-cases.ts'
import { checkout } from '../hosts/checkout.ts'
import { architectureFinders } from './architectures/index.ts'
import { faults } from './faults/index.ts'
import { causes, type FirstFailures, firstFailure } from './first-failure.ts'
import { describeKills, type Kills } from './kill-matrix-page.ts'
import type { Mutant } from './mutant.ts'
import { found, NotStarted, runMutants, START, shareClause } from './run-cases.ts'

/*
 * `npm run kill-matrix [FAULT ...]` determines which cases find which faults, for all faults or the
 * named ones, and the first failure of the faults whose first failure has to name their cause. It
 * writes kills.json, first-failures.json and docs/kill-matrix.md.
 *
 * To run every case against every fault would take an hour. So each fault first meets the cases of
 * its clauses. Then a fault that no case has found meets all cases, and a case that has found no
 * fault meets the other faults until it finds one.
 */

/** Deadline of a case, in ms. Cases that fail by waiting use all of it. */
const TIMEOUT = 5_000
const JOBS = 4
const options = { timeout: TIMEOUT, jobs: JOBS }

/** The cases of daemons: those of clients meet the small client (find-client-kills.ts). */
const cases = usualCases.filter(({ value }) => value.role !== 'client')

const known: Kills = JSON.parse(readFileSync(`${checkout}/harness/suite-check/kills.json`, 'utf8'))
const wanted =
  process.argv.length > 2 ? faults.filter(({ id }) => process.argv.includes(id)) : faults
const kills: Kills = Object.fromEntries(
  faults.map((fault) => [fault.id, wanted.includes(fault) ? [] : (known[fault.id] ?? [])]),
)

for (const fault of wanted)
  await meet(
    fault,
    cases.filter((each) => shareClause(each, fault)),
  )
for (const fault of wanted) if (kills[fault.id]?.length === 0) await meet(fault, cases)
for (const each of cases) if (!hasFound(each)) await meetUntilFound(each)

const firstFailures = await firstFailuresOf(wanted)
write('harness/suite-check/kills.json', `${JSON.stringify(kills, null, 2)}\n`)
write('harness/suite-check/first-failures.json', `${JSON.stringify(firstFailures, null, 2)}\n`)
write('docs/kill-matrix.md', describeKills(kills, firstFailures))

/**
 * Counts a case as a finder if it fails in two runs, because a busy machine can miss a deadline
 * once.
 */
async function meet(fault: Mutant, against: readonly LoadedCase[]): Promise<void> {
  const first = await findersOf(fault, against)
  const again =
    first instanceof NotStarted || first.length === 0 ? first : await findersOf(fault, first)
  const finders = again instanceof NotStarted ? [START] : again.map(({ value }) => value.id)
  kills[fault.id] = [...new Set([...(kills[fault.id] ?? []), ...finders])].sort()
  process.stderr.write(`${fault.id}: ${finders.join(' ') || 'not found'}\n`)
}

/** Returns the known first failures, with those of these faults found anew. */
async function firstFailuresOf(wanted: readonly Mutant[]): Promise<FirstFailures> {
  const path = `${checkout}/harness/suite-check/first-failures.json`
  const known: FirstFailures = JSON.parse(readFileSync(path, 'utf8'))
  const entries: [string, FirstFailures[string]][] = []
  for (const id of Object.keys(causes)) {
    const fault = wanted.find((each) => each.id === id)
    const first = fault === undefined ? known[id] : await firstFailure(fault, options)
    if (first !== undefined) entries.push([id, first])
  }
  return Object.fromEntries(entries)
}

function write(path: string, text: string): void {
  writeFileSync(`${checkout}/${path}`, text)
}

async function findersOf(
  fault: Mutant,
  against: readonly LoadedCase[],
): Promise<LoadedCase[] | NotStarted> {
  const results = await runMutants([fault], against, options)
  if (results instanceof NotStarted) return results
  const finders = new Set(results.filter(found).map(({ id }) => id))
  return against.filter(({ value }) => finders.has(value.id))
}

async function meetUntilFound(each: LoadedCase): Promise<void> {
  process.stderr.write(`${each.value.id} has found nothing yet\n`)
  for (const fault of faults) {
    if (shareClause(each, fault) || kills[fault.id]?.includes(START)) continue
    await meet(fault, [each])
    if (hasFound(each)) return
  }
}

function hasFound({ value }: LoadedCase): boolean {
  const { id } = value
  if (architectureFinders.includes(id)) return true
  return Object.values(kills).some((finders) => finders.includes(id))
}
