import { type Lateness, startDeadline } from './deadline.ts'
import type { HopelessWaits } from './hopeless-waits.ts'
import type { Waiting } from './waiting.ts'

/** Thrown when a case waits for a thing for which other cases have waited in vain. */
export class Blocked extends Error {
  override name = 'Blocked'
  /** The id of the first case that waited in vain. */
  readonly by: string

  constructor(by: string, message: string) {
    super(message)
    this.by = by
  }
}

/** Thrown when the machine is too slow to tell whether the implementation is. */
export class SlowMachine extends Error {
  override name = 'SlowMachine'
}

/** The parts of a case that its deadline needs. */
export interface CaseDeadlineOptions {
  /** The whole deadline, in ms. */
  timeout: number
  waiting: Waiting
  /** The things that never came to other cases; none if each case waits its whole deadline. */
  hopeless: HopelessWaits | undefined
  /** Returns the pids of the daemons. */
  processes: () => readonly number[]
  /** Returns the time in which the suite stopped the daemons so far, in ms. */
  stood?: () => number
}

/**
 * The deadline of one case. `passed` rejects with a Violation, or with Blocked after a short time
 * if the awaited thing is hopeless, or with SlowMachine.
 */
export class CaseDeadline {
  readonly passed: Promise<never>
  /** Whether the whole deadline has passed. */
  isOver = false
  readonly #options: CaseDeadlineOptions
  readonly #reject: (reason: Error) => void
  #cancel = () => {}

  constructor(options: CaseDeadlineOptions) {
    const { promise, reject } = Promise.withResolvers<never>()
    this.#options = options
    this.passed = promise
    this.#reject = reject
  }

  /** Begins to count the time. */
  begin(): void {
    const { timeout, hopeless } = this.#options
    this.#wait(0, hopeless?.looks.filter((look) => look < timeout) ?? [])
  }

  cancel(): void {
    this.#cancel()
  }

  /** Waits until the next of these looks, or until the end; `waited` is the time so far, in ms. */
  #wait(waited: number, [next, ...later]: readonly number[]): void {
    const { timeout, processes, stood } = this.#options
    const rest = (next ?? timeout) - waited
    const end = (lateness: Lateness) => {
      if (next === undefined) this.#end(lateness)
      else if (lateness === 'slow machine' || !this.#isBlocked(next)) this.#wait(next, later)
    }
    this.#cancel = startDeadline(rest, processes, end, stood)
  }

  /** Rejects with Blocked if the case waits for a hopeless thing. */
  #isBlocked(waited: number): boolean {
    const { waiting, hopeless } = this.#options
    const violation = waiting.late(waited)
    const by = hopeless?.blocks(violation, waited)
    if (by === undefined) return false
    this.#reject(new Blocked(by, `${violation.actual}; case ${by} has waited in vain`))
    return true
  }

  #end(lateness: Lateness): void {
    const { timeout, waiting } = this.#options
    const violation = waiting.late(timeout)
    if (lateness === 'slow machine') {
      const what = `this machine was too slow to wait ${timeout} ms for it: ${violation.what}`
      this.#reject(new SlowMachine(what))
      return
    }
    this.isOver = true
    this.#reject(violation)
  }
}
