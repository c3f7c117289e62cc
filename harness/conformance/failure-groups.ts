import { basicRank } from './basic-cases.ts'
import { type CaseResult, isNews } from './result.ts'

/** Failures that look the same, and probably have one cause. */
export interface FailureGroup {
  /** The simplest of the cases. */
  first: CaseResult
  /** The other cases, in their order. */
  others: CaseResult[]
}

/**
 * Returns the news among the results, with those of one outcome and signature in one group. Basic
 * cases come first, then the order of the results holds.
 */
export function groupFailures(cases: readonly CaseResult[]): FailureGroup[] {
  const news = simplestFirst(cases.filter(isNews))
  const groups = Map.groupBy(news, ({ id, outcome, signature = id }) => `${outcome} ${signature}`)
  return [...groups.values()].map(([first, ...others]) => ({ first: first as CaseResult, others }))
}

/** Returns the results with basic cases first, and else in their order. */
export function simplestFirst(cases: readonly CaseResult[]): CaseResult[] {
  const rank = ({ id }: CaseResult) => basicRank(id) ?? Number.MAX_SAFE_INTEGER
  return cases.toSorted((one, other) => rank(one) - rank(other))
}
