import { readFileSync } from 'node:fs'
import type { Test } from 'tap'
import { clauses } from '../../conformance/register.ts'
import { checkout } from '../../hosts/checkout.ts'
import { leaveToAll, tier } from '../../testing/tier.ts'
import { changedSource, unbuildable } from '../built-program.ts'
import type { Architecture, ArchitectureFault } from './architecture.ts'
import { underLoad } from './busy.ts'
import { readRecords } from './records.ts'
import { caseOf, finderRun, soundRun, withBuilt } from './run.ts'

/** A whole run takes half a minute; beside busy processes it takes a few. */
const LIMIT = 600_000

/** Whole runs of the sound implementation in the full tier. */
const SOUND_RUNS = 3

/**
 * Runs of a finder at each fault in the full tier, quiet and again beside busy processes. More runs
 * are the matter of `npm run architectures`.
 */
const FINDER_RUNS = 2

/** Runs of a finder in the usual tier until one finds the fault: a busy machine may miss it. */
const TRIES = 3

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
  const tried = tier === 'all' ? faults : firstOfEachKind(faults)
  for (const fault of tried) {
    const title = `${fault.id} is found by ${fault.finder}`
    const options = { skip, timeout: LIMIT, buffered: true }
    t.test(title, options, (t) => checkFault(t, architecture, fault))
  }
  if (tier === 'all') return
  leaveToAll(t, SOUND_RUNS, `further runs of ${name}`)
  leaveToAll(t, faults.length - tried.length, `further faults of ${name}`)
}

/** Returns the first fault of each kind: to build and find all of them takes minutes. */
function firstOfEachKind(faults: readonly ArchitectureFault[]): ArchitectureFault[] {
  return [...new Map(faults.toReversed().map((fault) => [fault.kind, fault])).values()].toReversed()
}

/** Tests that the table of faults fits the sources, the cases, the register and the records. */
function checkTable(t: Test, architecture: Architecture): void {
  const { name, faults } = architecture
  const known = new Set(clauses.map(({ id }) => id))
  const records = readRecords(architecture)
  const ids = faults.map(({ id }) => id)
  t.equal(new Set(ids).size, ids.length, 'the ids differ')
  const unknown = Object.keys(records).filter((id) => !ids.includes(id))
  t.same(unknown, [], `${name}.json has records of these faults only`)
  for (const fault of faults) {
    t.ok(caseOf(fault.finder), `${fault.finder} is a case`)
    t.same(
      fault.clauses.filter((id) => !known.has(id)),
      [],
      `the clauses of ${fault.id}`,
    )
    for (const { file } of fault.changes) {
      const text = readFileSync(`${checkout}/fixtures/${name}/${file}`, 'utf8')
      t.not(changedSource([fault], file, text), text, `${fault.id} changes ${file}`)
    }
    const { first } = records[fault.id] ?? {}
    if (first !== undefined) t.match(first.permitted, citing(fault), `${fault.id} fails first`)
  }
}

/** Tests that the finder finds a fault: in one of three runs, or in every run of the full tier. */
async function checkFault(
  t: Test,
  architecture: Architecture,
  fault: ArchitectureFault,
): Promise<void> {
  await withBuilt(architecture, fault, async (descriptor) => {
    const cited = async () => (await finderRun(descriptor, fault, 1))?.permitted ?? 'no failure'
    if (tier !== 'all') {
      let permitted = ''
      for (let run = 1; run <= TRIES && !citing(fault).test(permitted); run++)
        permitted = await cited()
      t.match(permitted, citing(fault))
      return
    }
    for (let run = 1; run <= FINDER_RUNS; run++) t.match(await cited(), citing(fault), `run ${run}`)
    await underLoad(async () => {
      for (let run = 1; run <= FINDER_RUNS; run++)
        t.match(await cited(), citing(fault), `run ${run} beside busy processes`)
    })
  })
}

/** Returns a pattern of the texts that cite a clause of the fault. */
const citing = ({ clauses }: ArchitectureFault) => new RegExp(`\\[(${clauses.join('|')})\\]`)
