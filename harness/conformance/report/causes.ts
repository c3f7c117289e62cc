import { type FailureGroup, groupFailures } from '../failure-groups.ts'
import type { CaseResult, Outcome } from '../result.ts'

/** Failures that look the same, and the cases that they block. */
export interface Cause extends FailureGroup {
  blocked: CaseResult[]
}

/** The outcomes of a cause, the worst first. */
const order: readonly Outcome[] = ['fail', 'unexpected-pass', 'inconclusive', 'warn']

/** Returns the causes of failures: failures before warnings, then the simplest case first. */
export function causesOf(cases: readonly CaseResult[]): Cause[] {
  const blocked = Map.groupBy(cases.filter(isBlocked), ({ blockedBy }) => blockedBy)
  return groupFailures(cases)
    .toSorted((one, other) => order.indexOf(one.first.outcome) - order.indexOf(other.first.outcome))
    .map((group) => ({
      ...group,
      blocked: [group.first, ...group.others].flatMap(({ id }) => blocked.get(id) ?? []),
    }))
}

/** Returns the results with the first case of each cause first, and else in their order. */
export function causesFirst(cases: readonly CaseResult[], causes: readonly Cause[]): CaseResult[] {
  const first = causes.map((cause) => cause.first)
  return [...first, ...cases.filter((result) => !first.includes(result))]
}

/** Returns the cause of a failure; undefined for other results. */
export function causeOf({ id }: CaseResult, causes: readonly Cause[]): Cause | undefined {
  return causes.find(({ first, others }) => [first, ...others].some((each) => each.id === id))
}

/** Returns in words how many cases fail as this one does, and how many it blocks; may be empty. */
export function describeExtent({ others, blocked }: Cause): string {
  const same = others.length > 0 ? [`${number(others.length, 'other case')} failed alike`] : []
  const rest = blocked.length > 0 ? [`${number(blocked.length, 'case')} blocked by it`] : []
  return [...same, ...rest].join(', ')
}

export const number = (count: number, noun: string): string =>
  `${count} ${noun}${count === 1 ? '' : 's'}`

const isBlocked = ({ outcome }: CaseResult) => outcome === 'blocked'
