import { readFileSync } from 'node:fs'
import { checkout } from '../../hosts/checkout.ts'

/** The file of the finders, relative to the root. */
export const KILLS = 'harness/suite-check/client/kills.json'

/** The ids of the cases that find each fault. */
export type ClientKills = Record<string, string[]>

/** Returns the recorded finders of each fault; none if there is no record. */
export function readKills(): ClientKills {
  try {
    return JSON.parse(readFileSync(`${checkout}/${KILLS}`, 'utf8')) as ClientKills
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === 'ENOENT') return {}
    throw thrown
  }
}
