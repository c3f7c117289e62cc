import { Presets, SingleBar } from 'cli-progress'
import { type CaseResult, isNews, type Results } from '../result.ts'
import { describeEvent } from './describe-event.ts'

/* The verdict on a terminal: a progress line while it runs, every failure in full, what passed as a number. */

export interface VerdictView {
  begin(cases: number): void
  progress(result: CaseResult): void
  end(results: Results): void
}

/** Progress on standard error where that is a terminal; the rest on standard output. */
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

/** All that a terminal shows of results. */
export function describeResults(results: Results): string {
  const failures = results.cases.filter(isNews).map(describeCase)
  const counts = Object.entries(results.counts)
    .filter(([, cases]) => cases > 0)
    .map(([outcome, cases]) => `${cases} ${outcome}`)
  const flaky = results.cases
    .filter(
      ({ passed, runs, outcome }) => runs > 1 && passed > 0 && passed < runs && outcome !== 'pass',
    )
    .map(({ id, passed, runs }) => `  ${id}: passed ${passed} of ${runs}`)
  const flakes = flaky.length > 0 ? `not the same every time:\n${flaky.join('\n')}\n` : ''
  return `${failures.join('\n')}${failures.length > 0 ? '\n' : ''}${flakes}${results.implementation}: ${counts.join(', ')}, in ${(results.duration / 1000).toFixed(1)} s (seed ${results.seed})\n${results.verdict}\n`
}

function describeCase(result: CaseResult): string {
  const expected = result.expected
    ?.map(({ outcome, clause }) => `    ${outcome}${clause === '' ? '' : ` [${clause}]`}`)
    .join('\n')
  return [
    `${result.outcome.toUpperCase()} ${result.id} (${result.clauses.join(', ')}; ${result.role})`,
    `  ${result.about}`,
    ...(result.what === undefined ? [] : [`  ${result.what}`]),
    ...(expected ? ['  permitted:', expected] : []),
    ...(result.actual === undefined ? [] : [`  came: ${result.actual}`]),
    ...(result.trace.length === 0
      ? []
      : [
          '  on the wire:',
          ...result.trace.slice(-20).map((event) => `    ${describeEvent(event)}`),
        ]),
    ...(result.note === undefined ? [] : [`  ${result.note}`]),
    ...(result.stderr === undefined
      ? []
      : [`  it said: ${result.stderr.trimEnd().split('\n').slice(-3).join(' | ')}`]),
    `  again: ${result.repeat}`,
    '',
  ].join('\n')
}
