import { CriuError } from '../../harness/criu/criu.ts'
import { Violation } from '../../harness/violation.ts'
import type { ZdtmResult } from '../agent-line.ts'

export type Judgement = Pick<ZdtmResult, 'outcome' | 'what' | 'permitted' | 'actual' | 'tail'>

/**
 * Returns the judgement on a test that threw: a violation or a failed criu is a failure, other
 * errors are inconclusive.
 */
export function describe(thrown: unknown): Judgement {
  if (thrown instanceof Violation) {
    const { what, permitted, actual, tail } = thrown
    return { outcome: 'fail', what, permitted, actual, ...(tail !== undefined && { tail }) }
  }
  const { message } = thrown as Error
  if (thrown instanceof CriuError)
    return {
      outcome: 'fail',
      what: 'criu',
      permitted: [{ outcome: 'exit 0', clause: '' }],
      actual: message,
      tail: thrown.tail,
    }
  return {
    outcome: 'inconclusive',
    what: 'the harness',
    permitted: [{ outcome: 'no trouble', clause: '' }],
    actual: message,
  }
}
