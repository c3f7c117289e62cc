import { usualCases } from '../../scenarios/index.ts'
import { basicRank } from '../conformance/basic-cases.ts'
import { groupFailures } from '../conformance/failure-groups.ts'
import type { CaseResult } from '../conformance/result.ts'
import type { Mutant } from './mutant.ts'
import { found, NotStarted, runMutants } from './run-cases.ts'

/** The failure that a report shows first. */
export interface FirstFailure {
  case: string
  what: string
  /** The permitted outcomes, each with its clause. */
  permitted: string
  actual: string
}

/** The first failures by the ids of the faults. */
export type FirstFailures = Record<string, FirstFailure>

/**
 * The faults that trials of other implementations found, with the clause that their first failure
 * has to cite: it names the cause.
 */
export const causes: Record<string, string> = {
  'second-connection-mixed-in': 'W9',
  'no-size-is-0': 'F6',
  'groups-refused': 'F6',
  'finish-overtakes-writes': 'E1a',
  'finish-read-is-a-write': 'E3',
  'size-int32-in-the-cache': 'F5',
  'one-connection-per-image': 'W1',
  'one-waiter': 'C2',
  'exits-before-the-flush': 'E1',
  'lock-while-sending': 'L2',
  'pages-end-with-the-next-byte': 'W4',
  'size-0-to-the-end': 'L7',
}

/** Runs cases in the order of reports until one fails; returns that one. */
export async function firstFailure(
  fault: Mutant,
  options: { timeout: number; jobs: number },
): Promise<FirstFailure | undefined> {
  const rank = (id: string) => basicRank(id) ?? Number.MAX_SAFE_INTEGER
  const cases = usualCases.toSorted((one, other) => rank(one.value.id) - rank(other.value.id))
  const results = await runMutants([fault], cases, { ...options, bail: 1 })
  if (results instanceof NotStarted) return undefined
  const [group] = groupFailures(results.filter(found))
  return group === undefined ? undefined : described(group.first)
}

/** Returns a failure in the words of a report. */
export function described({ id, what = '', expected = [], actual = '' }: CaseResult): FirstFailure {
  const permitted = expected.map(({ outcome, clause }) => `${outcome} [${clause}]`).join(', or ')
  return { case: id, what, permitted, actual }
}
