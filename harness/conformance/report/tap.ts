import { stringify } from 'yaml'
import type { CaseResult, Outcome, Results } from '../result.ts'
import { printableTexts } from './printable-results.ts'

/** Outcomes of a test point that is `not ok`. */
const failing: readonly Outcome[] = ['fail', 'unexpected-pass', 'inconclusive']

/** Returns the results as TAP version 14: a test point for each case, YAML if it did not pass. */
export function tap(results: Results): string {
  const points = printableTexts(results.cases).map((result, index) => point(result, index + 1))
  return ['TAP version 14', `1..${results.cases.length}`, ...points, ''].join('\n')
}

function point(result: CaseResult, number: number): string {
  const ok = failing.includes(result.outcome) ? 'not ok' : 'ok'
  const line = `${ok} ${number} - ${result.id} (${result.clauses.join(', ')})${directive(result)}`
  return result.outcome === 'pass' ? line : `${line}\n${details(result)}`
}

function directive({ outcome, actual = '' }: CaseResult): string {
  const reason = actual.split('\n')[0]?.replaceAll('#', '\\#')
  if (outcome === 'not-applicable' || outcome === 'not-run') return ` # SKIP ${reason}`
  if (outcome === 'expected-fail') return ` # TODO ${reason}`
  return ''
}

function details({ outcome, about, what, expected, actual, repeat }: CaseResult): string {
  const yaml = stringify(
    { outcome, about, what, expected, actual, again: repeat },
    { lineWidth: 0 },
  )
  return ['---', ...yaml.trimEnd().split('\n'), '...'].map((line) => `  ${line}`).join('\n')
}
