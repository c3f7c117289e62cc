import { randomUUID } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { type Host, HostError, type HostProcess } from '../hosts/host.ts'
import { MARK, ProcessTree } from '../hosts/process-tree.ts'
import type { Descriptor } from '../implementation/descriptor.ts'
import { askAgain, tcpListens } from '../implementation/listening.ts'
import { describeEnd, type StartedDaemon, startDaemon } from '../implementation/start.ts'
import { Connection } from './connection.ts'
import { DaemonLife } from './daemon-life.ts'
import { type Lateness, startDeadline } from './deadline.ts'
import { Pressure } from './pressure.ts'
import { troubleOf } from './suite-trouble.ts'
import { type Surroundings, surround } from './surroundings.ts'
import { Trace } from './trace.ts'

/** How long a daemon may take to listen, in ms; waits for a processor do not count. */
const START_TIMEOUT = 15_000

/** A directory may get a file while it is removed, from a process that the suite did not find. */
const REMOVE = { recursive: true, force: true, maxRetries: 3 }

/** The TCP link of a daemon: its port on this machine, and what to release after the daemon. */
export interface LinkPlace {
  port: number
  /** Called when the daemon has been stopped, or could not be started. */
  release?: () => void
}

/**
 * Starts a proxy or cache in a private directory on this machine, with a private directory for
 * temporary files. It may not listen yet.
 */
export async function startDaemonUnderTest(
  host: Host,
  descriptor: Descriptor,
  role: 'proxy' | 'cache',
  { link, surroundings = {} }: { link: LinkPlace; surroundings?: Surroundings },
): Promise<DaemonUnderTest> {
  const place = { host: '127.0.0.1', port: link.port }
  const mark = randomUUID()
  const temporary = await host.directory()
  const environment = { TMPDIR: temporary, ...descriptor.environment, [MARK]: mark }
  const surrounded = surround({ ...descriptor, environment }, role, surroundings)
  const started = await startDaemon(host, role, surrounded, place).catch((thrown) => {
    link.release?.()
    throw thrown
  })
  const tree = new ProcessTree(started.process.pid, mark)
  return new DaemonUnderTest(descriptor.name, { ...started, tree, temporary }, link, surroundings)
}

/** Thrown when a daemon ends while the suite waits until it listens. */
export class DaemonEnded extends HostError {}

/** Thrown when a daemon runs and does not listen in time. */
export class NeverListened extends HostError {}

/** A daemon of the implementation under test. */
export class DaemonUnderTest implements StartedDaemon {
  readonly role: 'proxy' | 'cache'
  readonly socket: string
  readonly directory: string
  readonly process: HostProcess
  /** The directory for its temporary files, TMPDIR. */
  readonly temporary: string
  /** All processes of the daemon. */
  readonly tree: ProcessTree
  /** The random stops of the daemon, under `--pressure`. */
  readonly pressure: Pressure | undefined
  readonly life: DaemonLife
  readonly #implementation: string
  readonly #link: LinkPlace

  constructor(
    implementation: string,
    started: StartedDaemon & { tree: ProcessTree; temporary: string },
    link: LinkPlace,
    { seed }: Surroundings,
  ) {
    this.role = started.role
    this.socket = started.socket
    this.directory = started.directory
    this.process = started.process
    this.temporary = started.temporary
    this.tree = started.tree
    this.life = new DaemonLife(started.process.exited)
    this.pressure = seed === undefined ? undefined : new Pressure(this.tree, seed)
    void this.process.exited.then(() => this.tree.leaderEnded())
    this.#implementation = implementation
    this.#link = link
  }

  /**
   * Whether the suite can stop the daemon: its socket belongs to a process of its tree. A daemon in
   * a container or on another machine, started by a command here, cannot be stopped.
   */
  get canBeStopped(): boolean {
    return this.tree.listensAt(this.socket)
  }

  /** Time in which it stood still under `--pressure` so far, in ms. */
  get stood(): number {
    return this.pressure?.stood ?? 0
  }

  /** Stops all its processes. Returns whether all have stopped. */
  async hold(): Promise<boolean> {
    await this.pressure?.suspend()
    return this.tree.stop()
  }

  /** Lets all its processes run on after `hold`. */
  release(): void {
    this.tree.go()
    this.pressure?.resume()
  }

  /** For a cache: connects as its proxy. Throws HostError as `untilReady` does. */
  connectLink(trace: Trace): Promise<Connection> {
    const { port } = this.#link
    return this.#until(`the TCP port ${port}`, () =>
      Connection.to('link', { host: '127.0.0.1', port }, trace),
    )
  }

  /**
   * Waits until its UNIX socket accepts. Throws HostError if the daemon ends, or at the deadline.
   */
  untilReady(): Promise<void> {
    return this.#until(`the UNIX socket ${this.socket}`, () => this.#trySocket())
  }

  /**
   * Waits until its UNIX socket accepts; resolves to false if it does not within the time, in ms.
   */
  async isReadyWithin(milliseconds: number): Promise<boolean> {
    const place = `the UNIX socket ${this.socket}`
    const attempt = await this.#try(place, () => this.#trySocket(), milliseconds)
    return 'value' in attempt
  }

  /** For a cache: waits until it listens for its proxy, without a connection. Throws HostError. */
  untilPortListens(): Promise<void> {
    return this.#until(`TCP port ${this.#link.port}`, async () => this.#checkPort())
  }

  /** For a cache: waits until it listens at its UNIX socket or for its proxy. Throws HostError. */
  untilListens(): Promise<void> {
    const places = `the UNIX socket ${this.socket} or TCP port ${this.#link.port}`
    return this.#until(places, () => this.#trySocket().catch(() => this.#checkPort()))
  }

  /** Kills all its processes, also those that outlive it, and removes its directories. */
  async stop(): Promise<void> {
    await this.pressure?.suspend()
    await this.process.kill('SIGKILL')
    await this.tree.kill()
    await this.process.exited
    this.#link.release?.()
    await Promise.all([this.directory, this.temporary].map((directory) => rm(directory, REMOVE)))
  }

  async #trySocket(): Promise<void> {
    const probe = await Connection.to('readiness', { path: this.socket }, new Trace())
    probe.socket.destroy()
  }

  #checkPort(): void {
    if (!tcpListens(this.#link.port)) throw new Error('no process listens there')
  }

  async #until<T>(place: string, attempt: () => Promise<T>): Promise<T> {
    const done = await this.#try(place, attempt, START_TIMEOUT)
    if ('value' in done) return done.value
    const message =
      `starting an implementation: expected it to listen at ${place} ` +
      `within ${START_TIMEOUT} ms: ${done.why}`
    throw done.lateness === 'late' ? new NeverListened(message) : new HostError(message)
  }

  /**
   * Repeats an attempt until it does not throw. At the deadline, returns the message of the last
   * attempt. Throws HostError if the daemon has ended, or if this process lacks a resource.
   */
  async #try<T>(
    place: string,
    attempt: () => Promise<T>,
    milliseconds: number,
  ): Promise<{ value: T } | { why: string; lateness: Lateness | undefined }> {
    let why = ''
    let lateness: Lateness | undefined
    const end = startDeadline(
      milliseconds,
      () => [this.process.pid],
      (how) => {
        lateness = how
      },
      () => this.stood,
    )
    const ask = async () => {
      try {
        return { value: await attempt() }
      } catch (thrown) {
        await this.#throwIfEnded()
        if (troubleOf(thrown) !== undefined) throw HostError.from(thrown, `connecting to ${place}`)
        why = (thrown as Error).message
        return undefined
      }
    }
    const isLate = () => lateness !== undefined
    return (await askAgain(ask, isLate).finally(end)) ?? { why, lateness }
  }

  async #throwIfEnded(): Promise<void> {
    if (this.life.exitCode === undefined) return
    const end = describeEnd(await this.process.exited)
    throw new DaemonEnded(
      `starting the ${this.role} ${this.#implementation}: it ended at once, ${end}`,
    )
  }
}
