import { createHash } from 'node:crypto'
import type { Descriptor } from '../implementation/descriptor.ts'
import { Violation } from '../violation.ts'
import type { Case } from './case.ts'
import { isAtMost, type Level } from './clause.ts'
import type { DaemonUnderTest } from './daemon-under-test.ts'
import { NotApplicable } from './not-applicable.ts'
import { levelOfDemand } from './register.ts'
import type { CaseResult } from './result.ts'
import { troubleOf } from './suite-trouble.ts'

/*
 * A Violation is the fault of the implementation. A forbidden end of a daemon is its fault as well,
 * and takes precedence over the observations of the case. Any other error is trouble of the harness
 * and decides nothing.
 *
 * A violation is as grave as the demand that it breaks: a case of level MUST also looks at things
 * that a clause only recommends.
 */

/** The part of a result that is judged. */
export type CaseVerdict = Pick<
  CaseResult,
  'outcome' | 'what' | 'expected' | 'actual' | 'blockedBy' | 'failedAt' | 'timedOut'
>

/** Returns why a case does not apply to an implementation; undefined if it does. */
export function inapplicable(
  { role, needs = [], dialects }: Case,
  { proxy, cache, client, capabilities, dialect }: Descriptor,
): string | undefined {
  if (role === 'client') {
    if (client === undefined) return 'its descriptor has no client'
    if (dialect === 'criu-2020') return 'the suite takes no images through pipes (criu-2020) yet'
  } else if (role !== 'cache' && proxy === undefined) return 'its descriptor has no proxy'
  else if (role !== 'proxy' && cache === undefined) return 'its descriptor has no cache'
  const lacking = needs.find((capability) => !capabilities[capability])
  if (lacking !== undefined) return `its descriptor says that it has no ${lacking}`
  if (dialects !== undefined && !dialects.includes(dialect))
    return `it is for dialect ${dialects.join(' or ')}, not ${dialect}`
  return undefined
}

/** Returns the verdict on the first daemon that ended in a way that its case does not allow. */
export function forbiddenEnd(daemons: readonly DaemonUnderTest[]): CaseVerdict | undefined {
  for (const { role, life } of daemons) {
    const violation = life.forbiddenEnd(role)
    if (violation !== undefined) return failed(violation)
  }
  return undefined
}

/**
 * Returns the verdict on a case that threw. A violation is a failure only if the case is a MUST and
 * the clauses that it cites are.
 */
export function verdictOf(thrown: unknown, { level = 'must' }: Pick<Case, 'level'>): CaseVerdict {
  if (thrown instanceof NotApplicable) return { outcome: 'not-applicable', actual: thrown.message }
  if (thrown instanceof Violation)
    return { ...failed(thrown), outcome: isMust(thrown, level) ? 'fail' : 'warn' }
  const trouble = troubleOf(thrown)
  if (trouble !== undefined) return suiteTrouble(trouble)
  return {
    outcome: 'inconclusive',
    what: 'the harness',
    actual: thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown),
  }
}

/** Returns the verdict on a case in which this machine failed, not the implementation. */
export function suiteTrouble(trouble: string): CaseVerdict {
  return { outcome: 'inconclusive', what: "the suite's own machine", actual: trouble }
}

/**
 * Returns a hash of the observation without numbers and addresses, which differ between runs. Of a
 * case that ended at its deadline only the awaited thing counts, since the rest differs as well.
 */
export function signatureOf({ what = '', actual = '', expected, timedOut }: CaseVerdict): string {
  const [first] = expected ?? []
  const late = timedOut && first !== undefined
  const text = (late ? `${first.clause} ${first.outcome}: in vain` : `${what}: ${actual}`)
    .replaceAll(/0x[0-9a-f]+|[0-9a-f]{8,}|\d+/g, '#')
    .replaceAll(/\s+/g, ' ')
  return createHash('sha256').update(text).digest('hex').slice(0, 12)
}

const isMust = ({ permitted }: Violation, level: Level) =>
  isAtMost('must', level) && isAtMost('must', levelOfDemand(permitted))

function failed({ what, permitted, actual }: Violation): CaseVerdict {
  return { outcome: 'fail', what, expected: permitted, actual }
}
