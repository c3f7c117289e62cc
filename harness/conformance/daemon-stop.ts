import type { DaemonUnderTest } from './daemon-under-test.ts'
import type { Trace } from './trace.ts'

/**
 * Longest stop of a daemon, in ms: less than a deadline that a daemon may have for a client. Work
 * that waits for the daemon in vain, such as a send of more than a socket holds, goes on after it.
 */
const LONGEST_STOP = 2_000

/** A stop of all processes of a daemon. */
export class DaemonStop {
  readonly #daemon: DaemonUnderTest
  readonly #trace: Trace
  readonly #timer: NodeJS.Timeout
  #whole: boolean
  #lifted = false

  private constructor(daemon: DaemonUnderTest, trace: Trace, stopped: boolean) {
    this.#daemon = daemon
    this.#trace = trace
    this.#whole = stopped
    this.#timer = setTimeout(() => this.lift(), LONGEST_STOP)
    trace.add(daemon.role, 'in', stopped ? 'stop' : 'no stop')
  }

  /** Stops the daemon, if the suite can. */
  static async begin(daemon: DaemonUnderTest, trace: Trace): Promise<DaemonStop> {
    const stopped = daemon.canBeStopped && (await daemon.hold())
    return new DaemonStop(daemon, trace, stopped)
  }

  /** Whether the daemon was stopped from the beginning on without a break. */
  get isWhole(): boolean {
    return this.#whole
  }

  /** Lets the daemon run, to accept clients that fill its backlog. */
  lift(): void {
    if (this.#lifted) return
    this.#whole = false
    this.#lifted = true
    this.#daemon.tree.go()
  }

  /** Stops the daemon again if it was let run. */
  async renew(): Promise<void> {
    if (!this.#lifted) return
    this.#lifted = false
    await this.#daemon.tree.stop()
  }

  /** Lets the daemon run on. */
  end(): void {
    clearTimeout(this.#timer)
    this.#daemon.release()
    this.#trace.add(this.#daemon.role, 'in', 'go on')
  }
}
