import { Presets, SingleBar } from 'cli-progress'
import { printableLine } from '../../printable.ts'
import { type CaseResult, isNews, type Outcome, type Results } from '../result.ts'
import { describeResults } from './text.ts'

/** A run on a terminal. */
export interface VerdictView {
  begin(cases: number): void
  progress(result: CaseResult): void
  end(results: Results): void
}

/**
 * Prints each failure as a line on standard error when it happens, and the verdict on standard
 * output. Shows a bar on standard error if that is a terminal.
 */
export function showVerdict(terminal: boolean): VerdictView {
  const bar = new SingleBar(
    { format: '  {bar} {value}/{total} | {id}', stream: process.stderr, clearOnComplete: true },
    Presets.shades_classic,
  )
  const failures = new FailureLines()
  return {
    begin(cases) {
      failures.total = cases
      if (terminal) bar.start(cases, 0, { id: '' })
    },
    progress(result) {
      const line = failures.take(result)
      if (line !== undefined) process.stderr.write(`${terminal ? '\r\x1b[K' : ''}${line}\n`)
      bar.increment({ id: result.id })
    },
    end(results) {
      bar.stop()
      process.stdout.write(describeResults(results))
    },
  }
}

/** Turns results into lines, with the counts so far. */
export class FailureLines {
  /** Number of the cases of the run. */
  total = 0
  #done = 0
  readonly #counts = new Map<Outcome, number>()
  readonly #firsts = new Map<string, string>()

  /** Returns the line of a failure; undefined for any other result. */
  take(result: CaseResult): string | undefined {
    const { outcome, id } = result
    this.#done++
    this.#counts.set(outcome, (this.#counts.get(outcome) ?? 0) + 1)
    if (!isNews(result)) return undefined
    const counts = [...this.#counts].map(([each, number]) => `${number} ${each}`).join(', ')
    return (
      `${outcome.toUpperCase()} ${id}: ${this.#describe(result)} ` +
      `[${this.#done} of ${this.total}: ${counts}]`
    )
  }

  /** Returns the observation, or the case that had the same one. */
  #describe({ id, signature = id, what = '', actual = '' }: CaseResult): string {
    const first = this.#firsts.get(signature)
    if (first !== undefined) return `as ${first}`
    this.#firsts.set(signature, id)
    return `${printableLine(what)}: ${printableLine(actual.split('\n')[0] as string)}`
  }
}
