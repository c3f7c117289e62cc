import { simplestFirst } from './failure-groups.ts'
import { clause } from './register.ts'
import { causesOf } from './report/causes.ts'
import { type CaseResult, type Results, verdict } from './result.ts'

/* The parts of a matrix: one daemon alone, or one pair. All parts are in one report. */

/** The cases of one daemon alone, or of one pair. */
export interface Part {
  cases: CaseResult[]
  verdict: Results['verdict']
  /** The simplest failure; undefined for a part that is conformant. */
  reason: Reason | undefined
}

/** The reason why a daemon alone, or a pair, is not conformant: its simplest failure. */
export interface Reason {
  /** The case, as the report names it. */
  case: string
  outcome: CaseResult['outcome']
  /** The clause that the observation breaks; empty for trouble of the harness. */
  clause: string
  /** The text of the clause. */
  text: string
  /** The observation. */
  actual: string
}

/** Returns a part; its cases get ids that no other part has. */
export function partOf(name: string, prefix: string, results: readonly CaseResult[]): Part {
  const cases = simplestFirst(results).map((result) => named(result, name, prefix))
  const reason = reasonOf(results)
  return {
    cases,
    verdict: verdict(cases),
    reason: reason && { ...reason, case: idIn(prefix, reason.case) },
  }
}

/** Returns the cases of a part that did not pass. */
export function failedOf({ cases }: Part): string[] {
  const sound: readonly CaseResult['outcome'][] = ['pass', 'not-applicable', 'warn']
  return cases.filter(({ outcome }) => !sound.includes(outcome)).map(({ id }) => id)
}

/** Returns a result as the report of a matrix has it: ids and signatures name their part. */
function named(result: CaseResult, group: string, prefix: string): CaseResult {
  const { id, signature, blockedBy } = result
  const own = (text: string) => idIn(prefix, text)
  const isOwn = blockedBy !== undefined && !blockedBy.includes('.')
  return {
    ...result,
    id: own(id),
    group,
    ...(signature !== undefined && { signature: own(signature) }),
    ...(isOwn && { blockedBy: own(blockedBy) }),
  }
}

/** Returns the id of a case in a part; the name of a file is made of it. */
const idIn = (prefix: string, id: string) => `${prefix}${id}`.replaceAll(/[^\w.-]+/g, '-')

/** Returns the simplest reason why the cases of a part are not conformant, if they are not. */
function reasonOf(cases: readonly CaseResult[]): Reason | undefined {
  if (verdict(cases) === 'conformant') return undefined
  const failures = causesOf(cases).map(({ first }) => first)
  const first =
    failures.find(({ outcome }) => outcome === 'fail') ??
    failures.find(({ outcome }) => outcome !== 'warn') ??
    cases.find(({ outcome }) => outcome === 'not-run') ??
    cases[0]
  if (first === undefined) return undefined
  const { id, outcome, expected = [], what, actual = '' } = first
  const cited = expected[0]?.clause ?? ''
  return {
    case: id,
    outcome,
    clause: cited,
    text: cited === '' ? '' : clause(cited).text,
    actual: what === undefined ? actual : `${what}: ${actual}`,
  }
}
