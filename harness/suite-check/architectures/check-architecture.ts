import { readFileSync } from 'node:fs'
import type { Test } from 'tap'
import { clauses } from '../../conformance/register.ts'
import { checkout } from '../../hosts/checkout.ts'
import { leaveToAll, tier } from '../../testing/tier.ts'
import type { Architecture, ArchitectureFault } from './architecture.ts'
import { changed, unbuildable } from './build.ts'
import { underLoad } from './busy.ts'
import { RUNS, readRecords } from './records.ts'
import { caseOf, finderRun, firstOfWholeRun, soundRun, withBuilt } from './run.ts'

/** A whole run takes half a minute; beside busy processes it takes a few. */
const LIMIT = 600_000

/** Whole runs of the sound implementation in the full tier. */
const SOUND_RUNS = 20

/** Tests that an implementation is conformant and that each of its faults is found. */
export function checkArchitecture(t: Test, architecture: Architecture): void {
  const { name, faults } = architecture
  const skip = unbuildable(architecture)
  t.test(`the faults of ${name} are whole`, async (t) => checkTable(t, architecture))
  t.test(`${name} is conformant`, { skip, timeout: LIMIT * SOUND_RUNS }, async (t) => {
    const runs = tier === 'all' ? SOUND_RUNS : 1
    await withBuilt(architecture, undefined, async (descriptor) => {
      for (let run = 1; run <= runs; run++)
        t.same(await soundRun(descriptor, run), [], `run ${run} of ${runs}`)
      if (tier === 'all')
        t.same(await underLoad(() => soundRun(descriptor, 1)), [], 'beside busy processes')
    })
  })
  for (const fault of faults) {
    const title = `${fault.id} is found by ${fault.finder}`
    const options = { skip, timeout: LIMIT, buffered: true }
    t.test(title, options, (t) => checkFault(t, architecture, fault))
  }
  if (tier !== 'all') {
    leaveToAll(t, SOUND_RUNS, `further runs of ${name}`)
    leaveToAll(t, 2 * RUNS * faults.length, `further runs of finders at faults of ${name}`)
  }
}

/** Tests that the table of faults fits the sources, the cases, the register and the records. */
function checkTable(t: Test, architecture: Architecture): void {
  const { name, faults } = architecture
  const known = new Set(clauses.map(({ id }) => id))
  const records = readRecords(architecture)
  const ids = faults.map(({ id }) => id)
  t.equal(new Set(ids).size, ids.length, 'the ids differ')
  t.same(Object.keys(records), ids, `${name}.json has a record of every fault`)
  for (const fault of faults) {
    t.ok(caseOf(fault.finder), `${fault.finder} is a case`)
    t.same(
      fault.clauses.filter((id) => !known.has(id)),
      [],
      `the clauses of ${fault.id}`,
    )
    for (const { file } of fault.changes) {
      const text = readFileSync(`${checkout}/fixtures/${name}/${file}`, 'utf8')
      t.not(changed(fault, file, text), text, `${fault.id} changes ${file}`)
    }
    t.match(records[fault.id]?.first.permitted, citing(fault), `the first failure of ${fault.id}`)
  }
}

async function checkFault(
  t: Test,
  architecture: Architecture,
  fault: ArchitectureFault,
): Promise<void> {
  await withBuilt(architecture, fault, async (descriptor) => {
    const check = async (seed: number, when: string) => {
      const failure = await finderRun(descriptor, fault, seed)
      t.match(failure?.permitted ?? 'no failure', citing(fault), `run ${seed}, ${when}`)
    }
    await check(1, 'quiet')
    if (tier !== 'all') return
    for (let seed = 2; seed <= RUNS; seed++) await check(seed, 'quiet')
    await underLoad(async () => {
      for (let seed = 1; seed <= RUNS; seed++) await check(seed, 'under load')
    })
    const first = await firstOfWholeRun(descriptor, fault)
    t.match(first?.permitted ?? 'no failure', citing(fault), 'the first failure of a whole run')
  })
}

/** Returns a pattern of the texts that cite a clause of the fault. */
const citing = ({ clauses }: ArchitectureFault) => new RegExp(`\\[(${clauses.join('|')})\\]`)
