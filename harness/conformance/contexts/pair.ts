import type { Permitted } from '../../violation.ts'
import type { ControlNames } from '../control-names.ts'
import type { DaemonUnderTest } from '../daemon-under-test.ts'
import { type ContextOptions, DaemonContext } from './daemon.ts'

/** A proxy and a cache under test, linked to each other. The harness is CRIU at both of them. */
export class PairUnderTest {
  readonly options: ContextOptions
  readonly proxy: DaemonContext
  readonly cache: DaemonContext

  constructor(options: ContextOptions, proxy: DaemonUnderTest, cache: DaemonUnderTest) {
    this.options = options
    this.proxy = new DaemonContext(options, proxy)
    this.cache = new DaemonContext(options, cache)
  }

  get names(): ControlNames {
    return this.options.names
  }

  get seed(): number {
    return this.options.seed
  }

  /** Waits for an act of the implementation; the deadline of the case reports it if it is late. */
  waitFor<T>(
    what: string,
    permitted: Permitted,
    work: Promise<T>,
    seen?: () => string,
  ): Promise<T> {
    return this.options.waiting.for(what, permitted, work, seen)
  }

  /** Kills the proxy, as the loss of its node does. Its death is then the case's own act. */
  async killProxy(): Promise<void> {
    const { daemon, life } = this.proxy
    life.allowAnyEnd('the case kills it')
    await daemon.process.kill('SIGKILL')
    await daemon.process.exited
  }
}
