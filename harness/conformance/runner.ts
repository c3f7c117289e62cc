import { localHost } from '../hosts/local.ts'
import { type CaseOptions, keepStray, runCase } from './case-run.ts'
import { FreshDaemons, NeverStarted } from './fresh-daemons.ts'
import { inapplicable } from './judge.ts'
import type { LoadedCase } from './loaded-cases.ts'
import type { CaseResult } from './result.ts'

export interface RunOptions extends CaseOptions {
  cases: readonly LoadedCase[]
  /** Cases at once. */
  jobs: number
  /** Runs of each case. */
  repeat: number
  /** Begins no further case after one has failed. */
  untilFailure?: true
  onResult(result: CaseResult): void
}

/**
 * Runs cases, several at once, each on daemons of its own and with one deadline. Returns the
 * results in the order of the cases; those that were not begun are left out. Throws HostError if a
 * daemon does not start at all.
 */
export async function runCases(options: RunOptions): Promise<CaseResult[]> {
  const host = localHost()
  process.on('unhandledRejection', keepStray)
  try {
    return await new CaseQueue(new FreshDaemons(host, options.descriptor), options).runAll()
  } catch (thrown) {
    throw thrown instanceof NeverStarted ? thrown.reason : thrown
  } finally {
    process.off('unhandledRejection', keepStray)
    await host.stop()
  }
}

/** The cases of a run, taken by several workers. */
class CaseQueue {
  readonly #fresh: FreshDaemons
  readonly #options: RunOptions
  readonly #results = new Map<LoadedCase, CaseResult>()
  /** The cases that have not begun, in the order of their begin. */
  readonly #left: LoadedCase[]
  #isOver = false

  constructor(fresh: FreshDaemons, options: RunOptions) {
    this.#fresh = fresh
    this.#options = options
    this.#left = firstOfEachRoleFirst(options)
  }

  /** Runs all cases. Throws the first error of a worker after all workers have stopped. */
  async runAll(): Promise<CaseResult[]> {
    const { jobs, cases } = this.#options
    const workers = Array.from({ length: Math.min(jobs, cases.length) }, () => this.#work())
    const failed = (await Promise.allSettled(workers)).find(({ status }) => status === 'rejected')
    if (failed?.status === 'rejected') throw failed.reason
    return cases.flatMap((each) => this.#results.get(each) ?? [])
  }

  async #work(): Promise<void> {
    for (let next = this.#next(); next !== undefined; next = this.#next()) {
      try {
        const result = await this.#runRepeatedly(next)
        this.#results.set(next, result)
        if (this.#options.untilFailure && result.outcome === 'fail') this.#isOver = true
        this.#options.onResult(result)
      } catch (thrown) {
        this.#isOver = true
        throw thrown
      }
    }
  }

  #next(): LoadedCase | undefined {
    return this.#isOver ? undefined : this.#left.shift()
  }

  /** Returns the first result that is not a pass, if any, with the number of passes. */
  async #runRepeatedly(loaded: LoadedCase): Promise<CaseResult> {
    const { repeat } = this.#options
    const results: CaseResult[] = []
    for (let repetition = 0; repetition < repeat; repetition++)
      results.push(await runCase(this.#fresh, loaded, this.#options, repetition))
    const shown = results.find(({ outcome }) => outcome !== 'pass') ?? results[0]
    const passed = results.filter(({ outcome }) => outcome === 'pass').length
    return { ...(shown as CaseResult), passed, runs: repeat }
  }
}

/**
 * Returns the cases with one of each role first: a daemon that does not start ends the run, so each
 * role is started as early as possible.
 */
function firstOfEachRoleFirst({ cases, descriptor }: RunOptions): LoadedCase[] {
  const applicable = cases.filter(({ value }) => inapplicable(value, descriptor) === undefined)
  const first = (['cache', 'proxy', 'pair'] as const).flatMap(
    (role) => applicable.find(({ value }) => value.role === role) ?? [],
  )
  return [...first, ...cases.filter((each) => !first.includes(each))]
}
