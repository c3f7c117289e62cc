import type { Completed } from '../hosts/host.ts'
import { Violation } from '../violation.ts'

/** The largest exit code of a process that ended by itself: a signal gives 128 plus its number. */
const LARGEST_EXIT_CODE = 128

/** Whether an exit code, as a shell reports it, is that of a process that a signal ended. */
export const isCrash = (code: number): boolean => code > LARGEST_EXIT_CODE

/**
 * The life of one daemon in one case: whether the case has given it a reason to end, and how it
 * ended. A daemon may only run at first.
 */
export class DaemonLife {
  #allowed: 'no end' | 'an exit' | 'any end' = 'no end'
  #reason = ''
  #exitCode: number | undefined

  /** @param exited the end of the daemon's process; it never rejects. */
  constructor(exited: Promise<Completed>) {
    void exited.then(({ code }) => {
      this.#exitCode = code
    })
  }

  /** The exit code; undefined while the daemon runs. */
  get exitCode(): number | undefined {
    return this.#exitCode
  }

  /** Permits an exit with any code from here on; a crash stays forbidden. */
  allowExit(reason: string): void {
    if (this.#allowed === 'no end') this.#allow('an exit', reason)
  }

  /** Permits a death by a signal as well. */
  allowAnyEnd(reason: string): void {
    this.#allow('any end', reason)
  }

  /**
   * Returns the end of this daemon as a violation; undefined if it runs or was allowed to end so.
   */
  forbiddenEnd(role: 'proxy' | 'cache'): Violation | undefined {
    const code = this.#exitCode
    if (code === undefined || this.#allowed === 'any end') return undefined
    if (this.#allowed === 'an exit' && !isCrash(code)) return undefined
    const [stays, ends] = role === 'proxy' ? ['E3', 'E1'] : ['E2', 'E2']
    const exit = { outcome: `it exits without a crash, because ${this.#reason}`, clause: ends }
    return new Violation(
      `the process of the ${role}`,
      [{ outcome: 'it runs on', clause: stays }, ...(this.#allowed === 'an exit' ? [exit] : [])],
      `it ended with exit ${code}`,
      { side: role },
    )
  }

  #allow(end: 'an exit' | 'any end', reason: string): void {
    this.#allowed = end
    this.#reason = reason
  }
}
