import { type Side, Violation } from '../../../harness/violation.ts'

/** The side at fault where it is known, the clause where the protocol has one, the end of a log. */
interface Fault {
  side?: Side
  clause?: string
  tail?: string
}

/**
 * Returns the violation of one permitted outcome; without a clause, the test's own contract permits
 * it.
 */
export function violation(
  what: string,
  permitted: string,
  actual: string,
  { clause = '', ...fault }: Fault = {},
): Violation {
  return new Violation(what, [{ outcome: permitted, clause }], actual, fault)
}

/** Throws a Violation unless the condition holds. */
export function expect(
  condition: boolean,
  what: string,
  permitted: string,
  actual: string,
  fault: Fault = {},
): asserts condition {
  if (!condition) throw violation(what, permitted, actual, fault)
}
