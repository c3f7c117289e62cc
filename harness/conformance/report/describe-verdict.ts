import { printableLine } from '../../printable.ts'
import { type CaseResult, isKnown, type Outcome, type Results } from '../result.ts'

/** Outcomes of a case whose demands were judged. */
const judged: readonly Outcome[] = [
  'pass',
  'fail',
  'warn',
  'expected-fail',
  'flaky',
  'unexpected-pass',
]

/** Returns the verdict with the number of its cases, and the cases that it leaves out. */
export function describeVerdict({
  verdict,
  cases,
  selection,
  pressure,
}: Pick<Results, 'verdict' | 'cases' | 'selection' | 'pressure'>): string {
  const known = cases.filter(isKnown).length
  const exception =
    known > 0 && verdict === 'conformant' ? ` except ${known} known failure${plural(known)}` : ''
  const coverage = [
    `${cases.filter(({ outcome }) => judged.includes(outcome)).length} of ${selection?.suite ?? cases.length} cases`,
    ...describeSelection(selection),
    ...(pressure ? ['under pressure'] : []),
    ...describeUnjudged(cases),
  ]
  return `${verdict}${exception} (${coverage.join('; ')})`
}

function describeSelection(selection: Results['selection']): string[] {
  if (selection === undefined) return []
  const { optIn, options } = selection
  if (options !== '') return [`selected by ${printableLine(options)}`]
  return optIn === 0 ? [] : [`${optIn} opt-in case${plural(optIn)} of gigabytes not run: --all`]
}

function describeUnjudged(cases: readonly CaseResult[]): string[] {
  const count = (outcome: Outcome) => cases.filter((result) => result.outcome === outcome).length
  const notRun = cases.find(({ outcome }) => outcome === 'not-run')
  const reason = notRun?.actual === undefined ? '' : `: ${printableLine(notRun.actual)}`
  const parts: [number, string][] = [
    [count('not-applicable'), 'not applicable'],
    [count('inconclusive'), 'inconclusive'],
    [count('blocked'), 'blocked by failures: --all'],
    [count('not-run'), `not run${reason}`],
  ]
  return parts.filter(([number]) => number > 0).map(([number, text]) => `${number} ${text}`)
}

const plural = (number: number) => (number === 1 ? '' : 's')
