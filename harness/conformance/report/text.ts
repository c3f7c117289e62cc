import { printable, printableLine } from '../../printable.ts'
import { type FailureGroup, groupFailures } from '../failure-groups.ts'
import type { CaseResult, Results } from '../result.ts'
import { describeEvent } from './describe-event.ts'
import { describeVerdict } from './describe-verdict.ts'
import { lossBy } from './loss.ts'

/** Events of the trace that are shown, before the violation and after it. */
const BEFORE = 15
const AFTER = 5
/** Number of cases of a group that are named. */
const NAMED = 10

/**
 * Returns the verdict as text: each group of failures with its simplest case in full, and the
 * number of cases with each outcome. The last line is the verdict with the cases that it covers.
 */
export function describeResults(results: Results): string {
  const { cases, counts, implementation, duration, seed } = results
  const numbers = Object.entries(counts)
    .filter(([, cases]) => cases > 0)
    .map(([outcome, cases]) => `${cases} ${outcome}`)
    .join(', ')
  const seconds = (duration / 1000).toFixed(1)
  return [
    ...groupFailures(cases).map((group) => `${describeGroup(group)}\n`),
    describeFlakes(cases),
    `${printableLine(implementation)}: ${numbers}, in ${seconds} s (seed ${seed})\n`,
    `${describeVerdict(results)}\n`,
  ].join('')
}

/** Returns the cases that passed in some of their runs only; empty text if there are none. */
function describeFlakes(cases: readonly CaseResult[]): string {
  const flaky = cases.filter(
    ({ passed, runs, outcome }) => passed > 0 && passed < runs && outcome !== 'pass',
  )
  if (flaky.length === 0) return ''
  const lines = flaky.map(({ id, passed, runs }) => `  ${id}: passed ${passed} of ${runs}\n`)
  return `not the same every time:\n${lines.join('')}`
}

/** Returns the simplest case of a group in full, and the names of the others. */
function describeGroup({ first, others }: FailureGroup): string {
  if (others.length === 0) return describeCase(first)
  const names = others.slice(0, NAMED).map(({ id }) => id)
  const more = others.length > NAMED ? ', ...' : ''
  return `${describeCase(first)}  so do ${others.length} more: ${names.join(', ')}${more}\n`
}

function describeCase(result: CaseResult): string {
  const { outcome, id, clauses, role, about, what, actual, note, repeat } = result
  const optional = (label: string, text: string | undefined) =>
    text === undefined ? [] : [`  ${label}${printable(text)}`]
  return [
    `${outcome.toUpperCase()} ${id} (${clauses.join(', ')}; ${role})`,
    `  ${printable(about)}`,
    ...optional('', what),
    ...describePermitted(result),
    ...optional('got: ', actual),
    ...optional('in use: ', lossBy(result)),
    ...describeTrace(result),
    ...optional('', note),
    ...optional('standard error: ', lastLines(result)),
    `  again: ${repeat}`,
    '',
  ].join('\n')
}

function describePermitted({ expected = [] }: CaseResult): string[] {
  if (expected.length === 0) return []
  const clauseOf = (clause: string) => (clause === '' ? '' : ` [${clause}]`)
  const lines = expected.map(
    ({ outcome, clause }) => `    ${printable(outcome)}${clauseOf(clause)}`,
  )
  return ['  permitted:', ...lines]
}

function describeTrace(result: CaseResult): string[] {
  const lines = eventsAround(result).map((event) => `    ${describeEvent(event)}`)
  return lines.length === 0 ? [] : ['  on the wire:', ...lines]
}

/** Returns the events around the violation; the last ones if its time is not known. */
function eventsAround({ trace, failedAt }: CaseResult): CaseResult['trace'] {
  if (failedAt === undefined) return trace.slice(-BEFORE - AFTER)
  const next = trace.findIndex(({ at }) => at > failedAt)
  const at = next === -1 ? trace.length : next
  return trace.slice(Math.max(0, at - BEFORE), at + AFTER)
}

function lastLines({ stderr }: CaseResult): string | undefined {
  return stderr?.trimEnd().split('\n').slice(-3).join(' | ')
}
