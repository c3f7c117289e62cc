import { stringify } from 'yaml'
import type { CaseResult, Outcome, Results } from '../result.ts'
import { type Cause, causeOf, causesFirst, causesOf, describeExtent } from './causes.ts'
import { printableTexts } from './printable-results.ts'

/** Outcomes of a test point that is `not ok`. */
const failing: readonly Outcome[] = ['fail', 'unexpected-pass', 'inconclusive']

/**
 * Returns the results as TAP version 14: a test point for each case, YAML if it did not pass. Of
 * failures that look the same, the first has the full text and their number, the others name it.
 */
export function tap(results: Results): string {
  const cases = printableTexts(results.cases)
  const causes = causesOf(cases)
  const points = causesFirst(cases, causes).map((result, index) =>
    point(result, index + 1, causeOf(result, causes)),
  )
  return ['TAP version 14', `1..${cases.length}`, ...points, ''].join('\n')
}

function point(result: CaseResult, number: number, cause: Cause | undefined): string {
  const ok = failing.includes(result.outcome) ? 'not ok' : 'ok'
  const line = `${ok} ${number} - ${result.id} (${result.clauses.join(', ')})${directive(result)}`
  return result.outcome === 'pass' ? line : `${line}\n${details(result, cause)}`
}

function directive({ outcome, actual = '' }: CaseResult): string {
  const reason = actual.split('\n')[0]?.replaceAll('#', '\\#')
  switch (outcome) {
    case 'not-applicable':
    case 'not-run':
    case 'blocked':
      return ` # SKIP ${reason}`
    case 'expected-fail':
    case 'flaky':
      return ` # TODO ${reason}`
    default:
      return ''
  }
}

function details(result: CaseResult, cause: Cause | undefined): string {
  const { outcome, about, what, expected, actual, note, blockedBy, repeat } = result
  const extent = (cause && describeExtent(cause)) || undefined
  const findings =
    cause === undefined || cause.first === result
      ? { outcome, about, what, expected, actual, note, blockedBy, extent, again: repeat }
      : { outcome, about, alike: cause.first.id, again: repeat }
  const yaml = stringify(findings, { lineWidth: 0 })
  return ['---', ...yaml.trimEnd().split('\n'), '...'].map((line) => `  ${line}`).join('\n')
}
