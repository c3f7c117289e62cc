import { z } from 'zod'
import type { Descriptor } from '../harness/implementation/descriptor.ts'

/*
 * The plan: what the launcher asks of the agent, as JSON in a file. The schemas are the one source
 * of the types and of the check when the file is read.
 */

const words = z.array(z.string()).readonly()
const flavor = z.enum(['h', 'ns', 'uns'])

/** The content of a .desc file, the properties of a test program; the keys are zdtm's. */
const desc = z.strictObject({
  flavor: z.array(flavor).readonly(),
  flags: words,
  feature: words,
  arch: words,
  /** Options of criu for dump and restore. */
  opts: words,
  /** Options of criu for dumps only. */
  dopts: words,
  /** Options of criu for the restore only. */
  ropts: words,
  /**
   * Files that the test needs in the root of flavors ns and uns; of `a|b` the first that exists.
   */
  deps: words,
  /** Seconds. */
  timeout: z.number(),
})

/** A test in one flavor. */
const plannedTest = z.strictObject({
  /** The name, such as `zdtm/static/env`. */
  name: z.string(),
  /** The path of the program; a relative one is below the plan's directory of programs. */
  program: z.string(),
  flavor,
  desc,
  /**
   * Command-line arguments of one of CRIU's own tests, whose files are named by its own name.
   * Absent for our programs, which print theirs.
   */
  parameters: words.exactOptional(),
})

/** The way every test is run. */
const mode = z.strictObject({
  /** Number of pre-dumps, or with `snaps` of full dumps, before the dump. */
  pre: z.number(),
  /** Pause after each pre-dump, in ms. */
  pause: z.number(),
  snaps: z.boolean(),
  iters: z.number(),
  nocr: z.boolean(),
  norst: z.boolean(),
  stop: z.boolean(),
  hosts: z.union([z.literal(1), z.literal(2)]),
  criu: z.string(),
  fault: z.number().exactOptional(),
  /** The tests whose images are handed to the launcher. */
  keepImages: z.enum(['always', 'never', 'failed']),
  /** The implementation under test; the reference if absent. The launcher has checked it. */
  descriptor: z
    .custom<Descriptor>((value) => typeof value === 'object' && value !== null)
    .exactOptional(),
})

const plan = z.strictObject({
  tests: z.array(plannedTest).readonly(),
  mode,
  parallel: z.number(),
  keepGoing: z.boolean(),
  ignoreTaint: z.boolean(),
})

/** The plan as the agent gets it, in a file. */
export const givenPlan = z.strictObject({
  ...plan.shape,
  /** The directory of compiled programs: those of fixtures/zdtm and the three below. */
  programs: z.string(),
  /** Options of the guest in which the tests run; absent if they run on this kernel. */
  guest: z
    .strictObject({
      kernel: z.string(),
      kvm: z.boolean(),
      shares: words,
      ports: z.number().exactOptional(),
    })
    .exactOptional(),
})

export type Flavor = z.output<typeof flavor>
export type Desc = z.output<typeof desc>
export type PlannedTest = z.output<typeof plannedTest>
export type Mode = z.output<typeof mode>
export type Plan = z.output<typeof plan>
export type GivenPlan = z.output<typeof givenPlan>

/** A test, by name and flavor. */
export type TestId = Pick<PlannedTest, 'name' | 'flavor'>

/**
 * Programs of harness/native: process 1 of the hosts of the tests, the mount inside a guest, and
 * the probe that finds out whether breakpoints fire.
 */
export const [INIT, MOUNT, BREAKPOINT] = ['init', 'mount', 'breakpoint'] as const
