import { isolatedLocalHost } from '../hosts/local.ts'
import { CaseQueue } from './case-queue.ts'
import { type CaseOptions, resultWithoutRun, runCase } from './case-run.ts'
import { FreshDaemons, NeverStarted } from './fresh-daemons.ts'
import { HopelessWaits } from './hopeless-waits.ts'
import type { LoadedCase } from './loaded-cases.ts'
import { diskDirectory } from './resources.ts'
import type { CaseResult } from './result.ts'
import { keepStray } from './suite-trouble.ts'

export interface RunOptions extends Omit<CaseOptions, 'hopeless'> {
  cases: readonly LoadedCase[]
  /** Cases at once. */
  jobs: number
  /** Runs of each case. */
  repeat: number
  /**
   * Whether a failure blocks the cases that depend on it: those whose basic case has failed, and
   * those that wait for a thing which never came to others.
   */
  blocks?: boolean
  /** Begins no further case after as many have failed. */
  bail?: number
  onResult(result: CaseResult): void
}

/**
 * Runs cases, several at once, each on daemons of its own and with one deadline. Returns the
 * results in the order of the cases; a case that was not begun has the outcome `not-run`. Throws
 * HostError if a daemon does not start at all.
 */
export async function runCases(options: RunOptions): Promise<CaseResult[]> {
  const host = isolatedLocalHost()
  const diskHost = isolatedLocalHost(diskDirectory())
  const run = new CasesRun(new FreshDaemons(host, diskHost, options.descriptor), options)
  const stopListening = keepErrors((thrown) => run.fail(thrown))
  try {
    return await run.all()
  } catch (thrown) {
    throw thrown instanceof NeverStarted ? thrown.reason : thrown
  } finally {
    stopListening()
    await Promise.all([host.stop(), diskHost.stop()])
  }
}

/**
 * Gives errors that no code catches to the case that caused them, or to `fail` if no case did.
 * Returns a function that ends this.
 */
function keepErrors(fail: (thrown: unknown) => void): () => void {
  const keep = (thrown: unknown) => {
    try {
      keepStray(thrown)
    } catch {
      fail(thrown)
    }
  }
  process.on('unhandledRejection', keep)
  process.on('uncaughtException', keep)
  return () => {
    process.off('unhandledRejection', keep)
    process.off('uncaughtException', keep)
  }
}

/** A run of cases by several workers. */
class CasesRun {
  readonly #fresh: FreshDaemons
  readonly #options: RunOptions
  readonly #queue: CaseQueue
  readonly #hopeless: HopelessWaits | undefined
  readonly #results = new Map<LoadedCase, CaseResult>()
  /** The first error that ends the run. */
  readonly #broken = Promise.withResolvers<never>()
  #failures = 0
  #reason = ''

  constructor(fresh: FreshDaemons, options: RunOptions) {
    this.#fresh = fresh
    this.#options = options
    this.#queue = new CaseQueue(options.cases, options.descriptor, options.blocks === true)
    this.#hopeless = options.blocks === true ? new HopelessWaits() : undefined
  }

  /** Runs all cases. Throws the first error of a worker, or the error given to `fail`. */
  async all(): Promise<CaseResult[]> {
    const { jobs, cases, signal } = this.#options
    const interrupt = () => this.#close(String(signal?.reason))
    if (signal?.aborted) interrupt()
    signal?.addEventListener('abort', interrupt)
    const workers = Array.from({ length: Math.min(jobs, cases.length) }, () => this.#work())
    try {
      await Promise.race([this.#allSettled(workers), this.#broken.promise])
    } finally {
      signal?.removeEventListener('abort', interrupt)
    }
    return cases.map((each) => this.#results.get(each) ?? this.#notRun(each))
  }

  /** Ends the run with an error of this process that concerns no single case. */
  fail(thrown: unknown): void {
    this.#queue.close()
    this.#broken.reject(thrown)
  }

  async #allSettled(workers: readonly Promise<void>[]): Promise<void> {
    const failed = (await Promise.allSettled(workers)).find(({ status }) => status === 'rejected')
    if (failed?.status === 'rejected') throw failed.reason
  }

  async #work(): Promise<void> {
    for (;;) {
      const next = await this.#queue.next()
      if (next === undefined) return
      const { loaded, blockedBy } = next
      try {
        this.#take(
          loaded,
          blockedBy === undefined
            ? await this.#runRepeatedly(loaded)
            : this.#blocked(loaded, blockedBy),
        )
      } catch (thrown) {
        this.#queue.close()
        throw thrown
      }
    }
  }

  #take(loaded: LoadedCase, result: CaseResult): void {
    const { bail = Number.POSITIVE_INFINITY, onResult } = this.#options
    this.#results.set(loaded, result)
    this.#queue.done(result)
    if (result.outcome === 'fail' && ++this.#failures >= bail)
      this.#close(`the run ended after ${this.#failures} of its cases had failed`)
    onResult(result)
  }

  /** Begins no further case, for this reason. */
  #close(reason: string): void {
    this.#reason = reason
    this.#queue.close()
  }

  #blocked(loaded: LoadedCase, blockedBy: string): CaseResult {
    const actual = `the more basic case ${blockedBy} failed`
    return resultWithoutRun(loaded, this.#options, { outcome: 'blocked', actual, blockedBy })
  }

  #notRun(loaded: LoadedCase): CaseResult {
    return resultWithoutRun(loaded, this.#options, { outcome: 'not-run', actual: this.#reason })
  }

  /**
   * Runs a case `repeat` times. Returns the first failure, else the first result that is not a
   * pass, if any, with the number of passes and the signatures of all failures.
   */
  async #runRepeatedly(loaded: LoadedCase): Promise<CaseResult> {
    const { repeat, signal } = this.#options
    const options = { ...this.#options, ...(this.#hopeless && { hopeless: this.#hopeless }) }
    const results: CaseResult[] = []
    for (let repetition = 0; repetition < repeat; repetition++) {
      if (repetition > 0 && signal?.aborted) break
      results.push(await runCase(this.#fresh, loaded, options, repetition))
    }
    return summaryOf(results)
  }
}

/** Returns the result of several runs of one case. */
function summaryOf(results: readonly CaseResult[]): CaseResult {
  const failed = results.filter(({ outcome }) => outcome === 'fail')
  const shown = failed[0] ?? results.find(({ outcome }) => outcome !== 'pass') ?? results[0]
  const passed = results.filter(({ outcome }) => outcome === 'pass').length
  const signatures = [...new Set(failed.flatMap(({ signature = [] }) => signature))]
  return {
    ...(shown as CaseResult),
    ...(signatures.length > 1 && { signatures }),
    passed,
    runs: results.length,
  }
}
