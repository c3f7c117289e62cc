import type { TraceEvent } from '../harness/conformance/trace.ts'
import type { Descriptor } from '../harness/implementation/descriptor.ts'
import type { Booted, VmOptions } from '../harness/vm/options.ts'

/* What the launcher asks of the agent that runs in the host or in the virtual machine, and what the agent answers, as JSON. */

export type Flavor = 'h' | 'ns' | 'uns'

/** A .desc file: what a test says of itself (the keys are zdtm's). */
export interface Desc {
  flavor: readonly Flavor[]
  /** Words. */
  flags: readonly string[]
  feature: readonly string[]
  arch: readonly string[]
  /** Options of criu: of dump and restore, of dumps only, of the restore only. */
  opts: readonly string[]
  dopts: readonly string[]
  ropts: readonly string[]
  /** Files that the test wants in the root of flavors ns and uns; of `a|b` the first that there is. */
  deps: readonly string[]
  /** Seconds. */
  timeout: number
}

/** A test in one flavor. */
export interface PlannedTest {
  /** As `zdtm/static/env`. */
  name: string
  /** Path of the program; in the directory of the plan if it is relative. */
  program: string
  flavor: Flavor
  desc: Desc
  /** What a program of CRIU's own tests is started with, its files being named by its own name; our programs say it themselves. */
  parameters?: readonly string[]
}

/** How every test is run. */
export interface Mode {
  /** Pre-dumps, or with `snaps` full dumps, before the dump, and the pause between two, in ms. */
  pre: number
  pause: number
  snaps: boolean
  iters: number
  nocr: boolean
  norst: boolean
  stop: boolean
  hosts: 1 | 2
  criu: string
  fault?: number
  /** Of which tests the images are handed over to the launcher. */
  keepImages: 'always' | 'never' | 'failed'
  /** The implementation under test; the reference if there is none. */
  descriptor?: Descriptor
}

export interface Plan {
  tests: readonly PlannedTest[]
  mode: Mode
  parallel: number
  keepGoing: boolean
  ignoreTaint: boolean
}

/** The plan as the agent gets it, in a file. */
export interface GivenPlan extends Plan {
  /** The directory of what was compiled: programs of fixtures/zdtm, and those of harness/native that are below. */
  programs: string
  /** The virtual machine that the tests shall run in, if it is to be one. */
  guest?: Omit<VmOptions, 'command'>
}

/** Process 1 of the hosts of the tests; what mounts in a guest; what finds out whether breakpoints fire. */
export const [INIT, MOUNT, BREAKPOINT] = ['init', 'mount', 'breakpoint'] as const

/** Exit code of an agent that can't run tests, as where a guest does not boot; the reason is the last line of stderr. */
export const NO_GROUND = 3

export type ZdtmOutcome = 'pass' | 'fail' | 'skipped' | 'inconclusive'

export interface ZdtmResult {
  name: string
  flavor: Flavor
  outcome: ZdtmOutcome
  /** What was looked at, what was permitted and by which clause, and what came; for whatever did not pass. */
  what?: string
  permitted?: string
  clause?: string
  actual?: string
  /** The end of the log of whoever failed. */
  tail?: string
  /** Clauses that the run showed something of. */
  clauses: readonly string[]
  trace: readonly TraceEvent[]
  /** Milliseconds. */
  duration: number
  /** For each dump: pages that it wrote, and pages that it left to its parent. */
  dumps: readonly { written: number; skipped: number }[]
}

/** A line of the agent. */
export type AgentLine =
  | { event: 'ready'; kernel: string; criu: string; asRoot: boolean; booted?: Booted }
  | { event: 'begin'; name: string; flavor: Flavor }
  | { event: 'result'; result: ZdtmResult }
  /** The next piece of a file of a test: an image as SNAPSHOT/NAME, or a log of criu. */
  | { event: 'kept'; name: string; flavor: Flavor; file: string; base64: string }
