import type { Permitted, Role } from './case.ts'
import type { Level } from './register.ts'
import type { TraceEvent } from './trace.ts'

/* What a run found out. results.json is this, and everything else is made from it. */

export type Outcome =
  | 'pass'
  | 'fail'
  | 'warn'
  | 'not-applicable'
  | 'expected-fail'
  | 'unexpected-pass'
  | 'inconclusive'
  | 'not-run'

export interface CaseResult {
  id: string
  /** The file of the case, for people. */
  group: string
  clauses: readonly string[]
  level: Level
  role: Role
  about: string
  outcome: Outcome
  /** What was looked at, what was permitted, and what came; for whatever did not pass. */
  what?: string
  expected?: readonly Permitted[]
  actual?: string
  trace: readonly TraceEvent[]
  /** The end of what the implementation wrote to its standard error; kept for what did not pass. */
  stderr?: string
  /** Identifies how it failed, whatever numbers came along: baselines are bound to it. */
  signature?: string
  /** What a baseline had to say of it. */
  note?: string
  seed: number
  /** The run's, from which the case's own is made. */
  runSeed: number
  /** Milliseconds. */
  duration: number
  /** How many runs of it passed, of how many; more than one with --repeat. */
  passed: number
  runs: number
  /** The command that runs it again. */
  repeat: string
}

export interface Results {
  tool: string
  version: string
  implementation: string
  /** The descriptor, absolute; none for the reference. */
  descriptor?: string
  dialect: string
  /** What the tests of zdtm mode ran on. */
  system?: { kernel: string; criu: string }
  /** When it began, ISO 8601. */
  date: string
  seed: number
  /** Milliseconds. */
  duration: number
  /** SHA-256 over ids, clauses and texts of all cases of the suite. */
  caseSet: string
  counts: Record<Outcome, number>
  verdict: 'conformant' | 'not conformant' | 'undecided'
  cases: readonly CaseResult[]
}

/** Whether a result has nothing to say against anybody; what a baseline expects to fail has. */
export const isSound = ({ outcome }: Pick<CaseResult, 'outcome'>): boolean =>
  outcome === 'pass' || outcome === 'not-applicable'

/** Whether a result is told in full: what is neither sound nor known. */
export const isNews = (result: Pick<CaseResult, 'outcome'>): boolean =>
  !isSound(result) && result.outcome !== 'expected-fail'

/** Outcomes that make an implementation not conformant. */
const failing: readonly Outcome[] = ['fail', 'unexpected-pass']

export function count(cases: readonly CaseResult[]): Record<Outcome, number> {
  const counts = {
    pass: 0,
    fail: 0,
    warn: 0,
    'not-applicable': 0,
    'expected-fail': 0,
    'unexpected-pass': 0,
    inconclusive: 0,
    'not-run': 0,
  }
  for (const { outcome } of cases) counts[outcome]++
  return counts
}

/** What did not run, or ran into harness trouble, is never conformant. */
export function verdict(cases: readonly CaseResult[]): Results['verdict'] {
  if (cases.some(({ outcome }) => failing.includes(outcome))) return 'not conformant'
  const decided = cases.some(({ outcome }) => outcome === 'pass' || outcome === 'expected-fail')
  if (!decided || cases.some(({ outcome }) => outcome === 'inconclusive' || outcome === 'not-run'))
    return 'undecided'
  return 'conformant'
}

/** Exit code of a verdict: 0 conformant, 1 not conformant, 3 the harness could not tell. */
export const exitCode: Record<Results['verdict'], 0 | 1 | 3> = {
  conformant: 0,
  'not conformant': 1,
  undecided: 3,
}
