import { readFileSync, writeFileSync } from 'node:fs'
import { checkout } from '../../hosts/checkout.ts'
import type { FirstFailure } from '../first-failure.ts'
import type { Architecture } from './architecture.ts'

/** The measurements of a fault, as far as they were made. */
export interface FaultRecord {
  /** The failure that the report of a whole run shows first. */
  first?: FirstFailure
  /** How many of RUNS runs of the finder found it, quiet and beside busy processes. */
  quiet?: number
  load?: number
}

export type Records = Record<string, FaultRecord>

/** Runs of a finder. */
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

/** Adds measurements of a fault to the record. The records are in the order of the faults. */
export function addRecord(architecture: Architecture, id: string, record: FaultRecord): void {
  const { name, faults } = architecture
  const before = readRecords(architecture)
  const records: Records = { ...before, [id]: { ...before[id], ...record } }
  const entries = faults.flatMap((fault) => {
    const own = records[fault.id]
    return own === undefined ? [] : [[fault.id, own] as const]
  })
  writeFileSync(fileOf(name), `${JSON.stringify(Object.fromEntries(entries), null, 2)}\n`)
}

const fileOf = (name: string) => `${checkout}/harness/suite-check/architectures/${name}.json`
