import { Presets, SingleBar } from 'cli-progress'
import { type CaseResult, isNews, type Results } from '../result.ts'
import { describeEvent } from './describe-event.ts'

/** A verdict on a terminal. */
export interface VerdictView {
  begin(cases: number): void
  progress(result: CaseResult): void
  end(results: Results): void
}

/** Shows progress on standard error if it is a terminal, and the verdict on standard output. */
export function showVerdict(terminal: boolean): VerdictView {
  const bar = new SingleBar(
    { format: '  {bar} {value}/{total} | {id}', stream: process.stderr, clearOnComplete: true },
    Presets.shades_classic,
  )
  return {
    begin(cases) {
      if (terminal) bar.start(cases, 0, { id: '' })
    },
    progress: ({ id }) => bar.increment({ id }),
    end(results) {
      bar.stop()
      process.stdout.write(describeResults(results))
    },
  }
}

/** Returns the verdict as text: each failure in full, and the number of cases that passed. */
export function describeResults(results: Results): string {
  const { cases, counts, implementation, duration, seed, verdict } = results
  const numbers = Object.entries(counts)
    .filter(([, cases]) => cases > 0)
    .map(([outcome, cases]) => `${cases} ${outcome}`)
    .join(', ')
  const failures = cases.filter(isNews).map((result) => `${describeCase(result)}\n`)
  const seconds = (duration / 1000).toFixed(1)
  return [
    ...failures,
    describeFlakes(cases),
    `${implementation}: ${numbers}, in ${seconds} s (seed ${seed})\n`,
    `${verdict}\n`,
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

function describeCase(result: CaseResult): string {
  const { outcome, id, clauses, role, about, what, actual, note, repeat } = result
  const optional = (label: string, text: string | undefined) =>
    text === undefined ? [] : [`  ${label}${text}`]
  return [
    `${outcome.toUpperCase()} ${id} (${clauses.join(', ')}; ${role})`,
    `  ${about}`,
    ...optional('', what),
    ...describePermitted(result),
    ...optional('got: ', actual),
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
  const lines = expected.map(({ outcome, clause }) => `    ${outcome}${clauseOf(clause)}`)
  return ['  permitted:', ...lines]
}

function describeTrace({ trace }: CaseResult): string[] {
  if (trace.length === 0) return []
  return ['  on the wire:', ...trace.slice(-20).map((event) => `    ${describeEvent(event)}`)]
}

function lastLines({ stderr }: CaseResult): string | undefined {
  return stderr?.trimEnd().split('\n').slice(-3).join(' | ')
}
