import { writeFileSync } from 'node:fs'
import { allCases } from '../../../scenarios/index.ts'
import type { LoadedCase } from '../../conformance/loaded-cases.ts'
import { checkout } from '../../hosts/checkout.ts'
import { type SourceMutant, withProgram } from '../built-program.ts'
import { found } from '../run-cases.ts'
import { clientFaults } from './faults/index.ts'
import { type ClientKills, KILLS, readKills } from './kills.ts'
import { runClient, smallClient } from './small-client.ts'

/*
 * `npm run client-kills [FAULT ...]` determines which cases of the client find which of its faults,
 * for all faults or the named ones, and writes kills.json.
 *
 * Each fault meets the cases of its clauses; a fault that none of them finds meets all cases. Then
 * a case that has found no fault meets the others until it finds one.
 */

/** Deadline of a case, in ms: at a fault many cases wait for all of it. */
const TIMEOUT = 3_000
const JOBS = 6

const cases = allCases.filter(({ value }) => value.role === 'client')
const named = process.argv.slice(2)
const wanted = clientFaults.filter(({ id }) => named.length === 0 || named.includes(id))
const known = readKills()
const kills: ClientKills = Object.fromEntries(
  clientFaults.map((fault) => [fault.id, wanted.includes(fault) ? [] : (known[fault.id] ?? [])]),
)
for (const fault of wanted) {
  await meet(
    fault,
    cases.filter(({ value }) => value.clauses.some((id) => fault.clauses.includes(id))),
  )
  if (kills[fault.id]?.length === 0) await meet(fault, cases)
}
for (const each of cases)
  for (const fault of clientFaults) {
    if (hasFound(each)) break
    await meet(fault, [each])
  }
writeFileSync(`${checkout}/${KILLS}`, `${JSON.stringify(kills, null, 2)}\n`)

/** Counts a case as a finder if it fails in two runs: a busy machine can miss a deadline once. */
async function meet(fault: SourceMutant, against: readonly LoadedCase[]): Promise<void> {
  const { id } = fault
  const finders = await withProgram(smallClient, [fault], async (program) =>
    findersAmong(program, await findersAmong(program, against)),
  )
  const ids = finders.map(({ value }) => value.id)
  kills[id] = [...new Set([...(kills[id] ?? []), ...ids])].sort()
  process.stderr.write(`${id}: ${ids.join(' ') || 'not found'}\n`)
}

async function findersAmong(
  program: string,
  against: readonly LoadedCase[],
): Promise<LoadedCase[]> {
  if (against.length === 0) return []
  const results = await runClient(program, against, { timeout: TIMEOUT, jobs: JOBS })
  const finders = new Set(results.filter(found).map(({ id }) => id))
  return against.filter(({ value }) => finders.has(value.id))
}

function hasFound({ value }: LoadedCase): boolean {
  return Object.values(kills).some((finders) => finders.includes(value.id))
}
