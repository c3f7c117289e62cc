import { readFileSync } from 'node:fs'
import { HostError } from '../hosts/host.ts'
import { checkLoopback } from '../hosts/ports.ts'
import type { LoadedCase } from './loaded-cases.ts'

/*
 * A run checks its needs before the first case. Otherwise a case would find a lack, and a lack of
 * the suite looks like a fault of the implementation.
 */

/** Descriptors of this process, whatever the cases do. */
const ALWAYS = 128
/** Descriptors for one case: the most clients of a usual case are 200. */
const EACH_CASE = 256
/** Cases that hold a thousand connections at once. */
const CROWDED = ['proxy-thousand-connections', 'cache-1000-connections']
/** Descriptors for a crowded case, in this process and in its daemon. */
const CROWD = 1100

/** Throws HostError if this machine cannot run these cases, `jobs` of them at once. */
export async function checkNeeds(cases: readonly LoadedCase[], jobs: number): Promise<void> {
  const needed = neededDescriptors(cases, jobs)
  const limit = descriptorLimit()
  if (limit < needed)
    throw new HostError(
      `preparing the run: expected a limit of at least ${needed} open files for ${jobs} cases at ` +
        `once, got ${limit} (ulimit -n)`,
    )
  await checkLoopback()
}

/** Returns the number of descriptors that a run may need at once. */
export function neededDescriptors(cases: readonly LoadedCase[], jobs: number): number {
  const crowded = cases.filter(({ value }) => CROWDED.includes(value.id)).length
  return ALWAYS + Math.min(jobs, cases.length) * EACH_CASE + Math.min(jobs, crowded) * CROWD
}

/** Returns the soft limit of this process. Node raises it to the hard limit at its start. */
function descriptorLimit(): number {
  const [, limit] = /^Max open files\s+(\S+)/m.exec(readFileSync('/proc/self/limits', 'utf8')) ?? []
  return limit === 'unlimited' ? Number.POSITIVE_INFINITY : Number(limit ?? 0)
}
