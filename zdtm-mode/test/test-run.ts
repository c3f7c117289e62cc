import type { TestMachine } from '../agent/test-machine.ts'
import type { Mode, PlannedTest } from '../plan.ts'
import type { Relay } from './relay.ts'
import type { TestDirectory } from './test-directory.ts'

/** One run of a test: what it works with, and what it collects. */
export interface TestRun {
  test: PlannedTest
  mode: Mode
  directory: TestDirectory
  machine: TestMachine
  /** The directory of compiled programs. */
  programs: string
  relay: Relay
  /** For each dump so far: pages that it wrote, and pages that it left to its parent. */
  dumps: { written: number; skipped: number }[]
  /** Images and logs, by the names of their files in the report. */
  saved: Map<string, Buffer>
}
