import type { Desc, PlannedTest } from '../plan.ts'

/** A test that exists: one of ours, or one in a checkout of CRIU. */
export interface FoundTest extends Omit<PlannedTest, 'flavor' | 'desc'> {
  /** Undefined if the .desc cannot be read. */
  desc: Desc | undefined
  /** The reason why the test cannot start on any machine. */
  impossible?: string
}
