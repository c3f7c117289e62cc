import { z } from 'zod'
import { traceEvent } from './trace-event.ts'

/* The findings of a run: results.json has this form, and every report is made from it. */

const outcomes = [
  'pass',
  'fail',
  'warn',
  'not-applicable',
  'expected-fail',
  'flaky',
  'unexpected-pass',
  'blocked',
  'inconclusive',
  'not-run',
] as const

export const outcome = z.enum(outcomes)

const level = z.enum(['must', 'should', 'may'])

const permitted = z.object({
  outcome: z.string(),
  clause: z.string(),
  level: level.exactOptional().describe('The level of the demand, if below that of its clause.'),
})

export const trace = z.array(traceEvent).readonly()

const caseResult = z.object({
  id: z.string(),
  group: z.string().describe('The file of the case in scenarios/cases/, without its ending.'),
  clauses: z.array(z.string()).readonly(),
  level,
  role: z.enum(['proxy', 'cache', 'pair', 'client']),
  about: z.string(),
  outcome,
  what: z.string().exactOptional().describe('The thing that was looked at; not for a pass.'),
  expected: z.array(permitted).readonly().exactOptional().describe('The permitted outcomes.'),
  actual: z.string().exactOptional().describe('The observation.'),
  trace,
  stderr: z
    .string()
    .exactOptional()
    .describe('The end of the standard error of the daemons; not for a pass.'),
  signature: z
    .string()
    .exactOptional()
    .describe('Identifies the failure without its numbers: baselines are bound to it.'),
  signatures: z
    .array(z.string())
    .readonly()
    .exactOptional()
    .describe('All signatures of its failed runs, if they differ.'),
  blockedBy: z
    .string()
    .exactOptional()
    .describe('The id of the more basic case whose failure blocks this one.'),
  failedAt: z
    .number()
    .exactOptional()
    .describe("The time of the violation, in ms on the trace's clock."),
  timedOut: z.literal(true).exactOptional().describe('Whether the deadline of the case passed.'),
  note: z
    .string()
    .exactOptional()
    .describe('The remark of a baseline, or the suspicion of another dialect.'),
  seed: z.number().describe('The seed of the case, made from that of the run.'),
  runSeed: z.number(),
  duration: z.number().describe('Milliseconds.'),
  passed: z.number().describe('Number of its runs that passed.'),
  runs: z.number().describe('Number of its runs: more than one with --repeat.'),
  repeat: z.string().describe('The command that runs it again.'),
})

export const results = z.object({
  tool: z.string(),
  version: z.string(),
  implementation: z.string(),
  descriptor: z
    .string()
    .exactOptional()
    .describe('Absolute path of the descriptor; none for the reference.'),
  dialect: z.string(),
  system: z
    .object({ kernel: z.string(), criu: z.string() })
    .exactOptional()
    .describe('The kernel and the CRIU of zdtm mode.'),
  date: z.string().describe('The begin, in ISO 8601.'),
  seed: z.number(),
  duration: z.number().describe('Milliseconds.'),
  selection: z
    .object({
      suite: z.number().describe('Number of all cases of the suite.'),
      optIn: z.number().describe('Number of opt-in cases that were left out.'),
      options: z.string().describe('The options that select cases; empty if all are selected.'),
    })
    .exactOptional(),
  pressure: z
    .literal(true)
    .exactOptional()
    .describe('Whether the daemons had one processor and were stopped at random times.'),
  caseSet: z.string().describe('SHA-256 over ids, clauses and texts of all cases of the suite.'),
  counts: z.record(outcome, z.number()),
  verdict: z.enum(['conformant', 'not conformant', 'undecided']),
  cases: z.array(caseResult).readonly(),
})

export type Outcome = z.output<typeof outcome>
export type CaseResult = z.output<typeof caseResult>
export type Results = z.output<typeof results>

/** Whether a result is a pass or needs none. An expected failure is not sound. */
export const isSound = ({ outcome }: Pick<CaseResult, 'outcome'>): boolean =>
  outcome === 'pass' || outcome === 'not-applicable'

/** Whether a result is a failure that the baseline declares. */
export const isKnown = ({ outcome }: Pick<CaseResult, 'outcome'>): boolean =>
  outcome === 'expected-fail' || outcome === 'flaky'

/** Whether a result did not come to its judgement: the case was blocked or not begun. */
const isSkipped = ({ outcome }: Pick<CaseResult, 'outcome'>): boolean =>
  outcome === 'blocked' || outcome === 'not-run'

/** Whether a result is shown in full: it is judged, and neither sound nor a known failure. */
export const isNews = (result: Pick<CaseResult, 'outcome'>): boolean =>
  !isSound(result) && !isKnown(result) && !isSkipped(result)

/** Outcomes that make an implementation not conformant. */
const failing: readonly Outcome[] = ['fail', 'unexpected-pass']

/** Outcomes that decide nothing: the case did not run, or ran into trouble of the harness. */
const undecided: readonly Outcome[] = ['inconclusive', 'blocked', 'not-run']

/** Returns the number of cases with each outcome. */
export function count(cases: readonly CaseResult[]): Record<Outcome, number> {
  const counts = Object.fromEntries(outcomes.map((each) => [each, 0])) as Record<Outcome, number>
  for (const { outcome } of cases) counts[outcome]++
  return counts
}

/** Returns the verdict on an implementation; without a decided case it is never `conformant`. */
export function verdict(cases: readonly CaseResult[]): Results['verdict'] {
  if (cases.some(({ outcome }) => failing.includes(outcome))) return 'not conformant'
  const decided = cases.some((result) => result.outcome === 'pass' || isKnown(result))
  if (!decided || cases.some(({ outcome }) => undecided.includes(outcome))) return 'undecided'
  return 'conformant'
}

/** Exit code of a verdict: 0 conformant, 1 not conformant, 3 the harness could not tell. */
export const exitCode: Record<Results['verdict'], 0 | 1 | 3> = {
  conformant: 0,
  'not conformant': 1,
  undecided: 3,
}
