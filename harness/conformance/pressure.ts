import { setTimeout as pause } from 'node:timers/promises'
import type { ProcessTree } from '../hosts/process-tree.ts'

/*
 * The random stops of a daemon under `--pressure`: its processes run for a short time and stand
 * still for a short time, in turn, so that threads and processes meet in orders that are rare
 * otherwise. The times follow from a seed.
 */

/** Longest stop, in ms: far below each limit that a daemon may have for a client. */
const LONGEST_STOP = 50
/** Longest time between two stops, in ms. */
const LONGEST_RUN = 40

/** Stops the processes of a daemon at random times until `suspend`. */
export class Pressure {
  readonly #tree: ProcessTree
  #state: number
  /** How often `suspend` was called without `resume`. */
  #suspended = 0
  #working: Promise<void>
  /** Time in which the daemon stood still, in ms. */
  #stood = 0
  #wake = new AbortController()

  constructor(tree: ProcessTree, seed: number) {
    this.#tree = tree
    this.#state = seed
    this.#working = this.#work()
  }

  /** Time in which the daemon stood still so far, in ms. */
  get stood(): number {
    return this.#stood
  }

  /** Lets the processes run, without stops, until `resume`. */
  async suspend(): Promise<void> {
    this.#suspended++
    this.#wake.abort()
    await this.#working
  }

  resume(): void {
    if (--this.#suspended > 0) return
    this.#wake = new AbortController()
    this.#working = this.#work()
  }

  async #work(): Promise<void> {
    while (this.#suspended === 0) {
      await this.#wait(this.#random(LONGEST_RUN))
      if (this.#suspended > 0) return
      const begin = performance.now()
      await this.#tree.stop()
      await this.#wait(this.#random(LONGEST_STOP))
      this.#tree.go()
      this.#stood += performance.now() - begin
    }
  }

  #wait(milliseconds: number): Promise<void> {
    const { signal } = this.#wake
    return pause(milliseconds, undefined, { signal, ref: false }).catch(() => {})
  }

  /** Returns a pseudo-random time from 1 to `longest` ms. */
  #random(longest: number): number {
    this.#state = (Math.imul(this.#state, 1_664_525) + 1_013_904_223) >>> 0
    return 1 + Math.floor((this.#state / 2 ** 32) * longest)
  }
}
