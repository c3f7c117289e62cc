import { z } from 'zod'
import type { TraceEvent } from '../harness/conformance/trace.ts'
import { givenPlan, type TestId } from './plan.ts'

/*
 * The agent's answers to the launcher: lines of JSON on its standard output. The schemas are the
 * one source of the types and of the check when a line is read.
 */

const { name, flavor } = givenPlan.shape.tests.unwrap().element.shape

/**
 * An event of a trace. A trace has thousands of them, so only the keys that every event has are
 * checked.
 */
const traceEvent = z.custom<TraceEvent>(
  (value) => typeof value === 'object' && value !== null && 'connection' in value && 'at' in value,
  'expected an event of a trace',
)

const result = z.strictObject({
  name,
  flavor,
  outcome: z.enum(['pass', 'fail', 'skipped', 'inconclusive']),
  /** The thing that was looked at; for every outcome but `pass`, as are the next three keys. */
  what: z.string().exactOptional(),
  /**
   * The permitted outcomes, each with its clause; the clause is empty for the test's own contract.
   */
  permitted: z
    .array(z.strictObject({ outcome: z.string(), clause: z.string() }))
    .readonly()
    .exactOptional(),
  actual: z.string().exactOptional(),
  /** The end of the log of the process that failed. */
  tail: z.string().exactOptional(),
  /** The clauses that the run exercised. */
  clauses: z.array(z.string()).readonly(),
  trace: z.array(traceEvent).readonly(),
  /** Milliseconds. */
  duration: z.number(),
  /** For each dump: pages that it wrote, and pages that it left to its parent. */
  dumps: z.array(z.strictObject({ written: z.number(), skipped: z.number() })).readonly(),
})

const booted = z.strictObject({
  accelerator: z.enum(['kvm', 'tcg']),
  boot: z.number(),
  kvmFailed: z.string().exactOptional(),
})

export const agentLine = z.discriminatedUnion('event', [
  z.strictObject({
    event: z.literal('ready'),
    kernel: z.string(),
    criu: z.string(),
    asRoot: z.boolean(),
    booted: booted.exactOptional(),
  }),
  z.strictObject({ event: z.literal('begin'), name, flavor }),
  z.strictObject({ event: z.literal('result'), result }),
  /** The next piece of a file of a test: an image as SNAPSHOT/NAME, or a log of criu. */
  z.strictObject({
    event: z.literal('saved'),
    name,
    flavor,
    file: z.string(),
    base64: z.string(),
  }),
])

export type ZdtmResult = z.output<typeof result>
export type ZdtmOutcome = ZdtmResult['outcome']
export type AgentLine = z.output<typeof agentLine>
/** A line of the agent with that event. */
export type LineOf<Event extends AgentLine['event']> = Extract<AgentLine, { event: Event }>

/** Exit code of an agent that can run no test: no guest boots. stderr ends with the reason. */
export const NO_MACHINE = 3

/** Returns the result of a test that did not run, with the reason. */
export const notRun = ({ name, flavor }: TestId, reason: string): ZdtmResult => ({
  name,
  flavor,
  outcome: 'skipped',
  actual: reason,
  clauses: [],
  trace: [],
  duration: 0,
  dumps: [],
})
