import { writeFileSync } from 'node:fs'
import { checkout } from '../../hosts/checkout.ts'
import type { Descriptor } from '../../implementation/descriptor.ts'
import type { Architecture, ArchitectureFault } from './architecture.ts'
import { underLoad } from './busy.ts'
import { architectures } from './index.ts'
import { describeArchitectures } from './page.ts'
import { RUNS, readRecords, writeRecords } from './records.ts'
import { finderRun, firstOfWholeRun, withBuilt } from './run.ts'

/*
 * `npm run architectures [FAULT ...]` measures all faults or the named ones: how many of ten runs
 * of the finder find it, quiet and beside busy processes, and the first failure of a whole run. It
 * writes the records and docs/architectures.md.
 */

const wanted = process.argv.slice(2)
for (const architecture of architectures)
  for (const fault of architecture.faults)
    if (wanted.length === 0 || wanted.includes(fault.id)) await measure(architecture, fault)
writeFileSync(`${checkout}/docs/architectures.md`, describeArchitectures())

/** Measures a fault and writes its record. */
async function measure(architecture: Architecture, fault: ArchitectureFault): Promise<void> {
  await withBuilt(architecture, fault, async (descriptor) => {
    const first = await firstOfWholeRun(descriptor, fault)
    const quiet = await findings(descriptor, fault)
    const load = await underLoad(() => findings(descriptor, fault))
    const text = first === undefined ? 'no failure' : `${first.case}, ${first.permitted}`
    process.stderr.write(`${fault.id}: ${quiet} of ${RUNS}, ${load} under load; first ${text}\n`)
    if (first === undefined) return
    const records = readRecords(architecture)
    writeRecords(architecture, { ...records, [fault.id]: { first, quiet, load } })
  })
}

/** Returns how many of RUNS runs of the finder find the fault. */
async function findings(descriptor: Descriptor, fault: ArchitectureFault): Promise<number> {
  let count = 0
  for (let seed = 1; seed <= RUNS; seed++)
    if ((await finderRun(descriptor, fault, seed)) !== undefined) count++
  return count
}
