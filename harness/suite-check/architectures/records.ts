import { readFileSync, writeFileSync } from 'node:fs'
import { checkout } from '../../hosts/checkout.ts'
import type { FirstFailure } from '../first-failure.ts'
import type { Architecture } from './architecture.ts'

/** The measurements of a fault: runs of its finder, and the first failure of a whole run. */
export interface FaultRecord {
  first: FirstFailure
  /** How many of RUNS runs of the finder found it, quiet and beside busy processes. */
  quiet: number
  load: number
}

export type Records = Record<string, FaultRecord>

/** Runs of a finder, and of the sound implementation in the full tier. */
export const RUNS = 10

/** Returns the recorded measurements of the faults, by their ids; none if no file has them. */
export function readRecords({ name }: Architecture): Records {
  try {
    return JSON.parse(readFileSync(fileOf(name), 'utf8')) as Records
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === 'ENOENT') return {}
    throw thrown
  }
}

/** Writes the measurements in the order of the faults. */
export function writeRecords({ name, faults }: Architecture, records: Records): void {
  const entries = faults.flatMap(({ id }) => (records[id] ? [[id, records[id]] as const] : []))
  writeFileSync(fileOf(name), `${JSON.stringify(Object.fromEntries(entries), null, 2)}\n`)
}

const fileOf = (name: string) => `${checkout}/harness/suite-check/architectures/${name}.json`
