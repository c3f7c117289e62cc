import { writeFileSync } from 'node:fs'
import { checkout } from '../../hosts/checkout.ts'
import type { FirstFailure } from '../first-failure.ts'
import type { Architecture, ArchitectureFault } from './architecture.ts'
import { underLoad } from './busy.ts'
import { architectures } from './index.ts'
import { describeArchitectures } from './page.ts'
import { addRecord, type FaultRecord, RUNS } from './records.ts'
import { finderRun, firstOfWholeRun, withBuilt } from './run.ts'

/*
 * `npm run architectures -- [finders] [first] [FAULT ...]` measures all faults or the named ones:
 * how many of ten runs of the finder find the fault, quiet and beside busy processes, and the first
 * failure of a whole run; either of the two alone if it is named. It writes the records and
 * docs/architectures.md.
 */

/** Runs of a finder at once. */
const AT_ONCE = 5
const PARTS = ['finders', 'first']

const words = process.argv.slice(2)
const parts = words.filter((word) => PARTS.includes(word))
const ids = words.filter((word) => !PARTS.includes(word))
const wants = (part: string) => parts.length === 0 || parts.includes(part)
for (const architecture of architectures)
  for (const fault of architecture.faults)
    if (ids.length === 0 || ids.includes(fault.id)) await measure(architecture, fault)
writeFileSync(`${checkout}/docs/architectures.md`, describeArchitectures())

/** Measures a fault and writes its record. */
async function measure(architecture: Architecture, fault: ArchitectureFault): Promise<void> {
  const { id } = fault
  await withBuilt(architecture, fault, async (descriptor) => {
    const findings = () => finderRuns(() => finderRun(descriptor, fault, 1))
    if (wants('finders')) {
      const quiet = await findings()
      const load = await underLoad(findings)
      report(architecture, id, { quiet: quiet.length, load: load.length })
    }
    if (!wants('first')) return
    const first = await firstOfWholeRun(descriptor, fault)
    if (first === undefined) process.stderr.write(`${id}: no failure in a whole run\n`)
    else report(architecture, id, { first })
  })
}

function report(architecture: Architecture, id: string, record: FaultRecord): void {
  addRecord(architecture, id, record)
  const { quiet, load, first } = record
  const text =
    first === undefined
      ? `${quiet} of ${RUNS}, ${load} under load`
      : `first ${first.case}, ${first.permitted}; ${first.actual}`
  process.stderr.write(`${id}: ${text}\n`)
}

/** Runs a finder RUNS times, a few at once. Returns the failures of those that find the fault. */
async function finderRuns(run: () => Promise<FirstFailure | undefined>): Promise<FirstFailure[]> {
  const failures: FirstFailure[] = []
  for (let done = 0; done < RUNS; done += AT_ONCE) {
    const some = await Promise.all(Array.from({ length: AT_ONCE }, run))
    failures.push(...some.filter((failure) => failure !== undefined))
  }
  return failures
}
