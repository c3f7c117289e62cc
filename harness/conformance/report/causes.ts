import { basicRank } from '../basic-cases.ts'
import { type FailureGroup, groupFailures } from '../failure-groups.ts'
import type { CaseResult, Outcome } from '../result.ts'

/** Failures that look the same, and the cases that they block. */
export interface Cause extends FailureGroup {
  blocked: CaseResult[]
}

/** The outcomes of a cause, the worst first. */
const order: readonly Outcome[] = ['fail', 'unexpected-pass', 'inconclusive', 'warn']

/**
 * Returns the causes of failures, in the order in which a reader looks for the root: failures
 * before warnings, basic cases of one daemon, then the causes of the most failures.
 */
export function causesOf(cases: readonly CaseResult[]): Cause[] {
  const blocked = Map.groupBy(cases.filter(isBlocked), ({ blockedBy }) => blockedBy)
  return groupFailures(cases)
    .map(({ first, others }) => {
      const all = simplestFirst([first, ...others])
      const [simplest, ...rest] = all as [CaseResult, ...CaseResult[]]
      return {
        first: simplest,
        others: rest,
        blocked: all.flatMap(({ id }) => blocked.get(id) ?? []),
      }
    })
    .toSorted(
      byAll(
        ({ first }) => order.indexOf(first.outcome),
        ({ first }) => placeAmongBasics(first),
        extent,
      ),
    )
}

/**
 * Returns the failures of one cause, and first the one that tells it best: a basic case, or a case
 * that breaks the clause which most of them concern, and is about it.
 */
function simplestFirst(failures: readonly CaseResult[]): CaseResult[] {
  const concerned = failures.flatMap((each) => [...new Set([...each.clauses, brokenClause(each)])])
  const usual = mostFrequent(concerned)
  const isUnusual = (result: CaseResult) => brokenClause(result) !== usual
  return failures.toSorted(
    byAll(placeAmongBasics, isUnusual, placeOfBroken, isRandom, isPair, numberOfClauses),
  )
}

function mostFrequent(texts: readonly string[]): string | undefined {
  const groups = [...Map.groupBy(texts, (text) => text).values()]
  return groups.toSorted((one, other) => other.length - one.length)[0]?.[0]
}

/** Returns a comparison by several numbers, the first of them the most important. */
function byAll<T>(...keys: ((value: T) => number | boolean)[]): (one: T, other: T) => number {
  return (one, other) =>
    keys
      .map((key) => Number(key(one)) - Number(key(other)))
      .find((difference) => difference !== 0) ?? 0
}

/** Returns the place among the basic cases of one daemon; other cases come after them. */
const placeAmongBasics = (result: CaseResult) =>
  (isPair(result) ? undefined : basicRank(result.id)) ?? Number.MAX_SAFE_INTEGER
const extent = ({ others, blocked }: Cause) => -others.length - blocked.length

const brokenClause = ({ expected = [] }: CaseResult) => expected[0]?.clause ?? ''
/** Returns the place of the broken clause among those of the case: the first is its subject. */
const placeOfBroken = (result: CaseResult) => {
  const place = result.clauses.indexOf(brokenClause(result))
  return place === -1 ? Number.MAX_SAFE_INTEGER : place
}
const numberOfClauses = ({ clauses }: CaseResult) => clauses.length
const isRandom = ({ group }: CaseResult) => ['fuzz', 'model'].includes(group)
const isPair = ({ role }: CaseResult) => role === 'pair'

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
