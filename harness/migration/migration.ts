import { type CriuAction, criu } from '../criu/criu.ts'
import { type Host, HostError, output } from '../hosts/host.ts'
import type { Descriptor } from '../implementation/descriptor.ts'
import { describeEnd, type StartedDaemon, startPair } from '../implementation/start.ts'
import { everythingArrived, makeGate } from './commit-gate.ts'
import { type Mounted, type StartMount, startMount, type WrittenImage } from './start-mount.ts'

/*
 * One migration: a cache and a proxy, a mount on either side, and one function for each step. A
 * scenario can call the steps in another order, or cause a failure between two of them.
 */

/** Default deadline of one criu run, in ms; also for a restore that waits for its images. */
const CRIU_TIMEOUT = 300_000
/** How long a daemon may take to exit after its work is finished, in ms. */
const END_TIMEOUT = 30_000

export interface MigrationOptions {
  source: Host
  destination: Host
  descriptor: Descriptor
  /** Hosts of proxy and cache, if not the hosts of the target process. */
  daemonHosts?: { source: Host; destination: Host }
  /** The criu binary on both hosts. */
  criu: string
  /** Further options of every dump, pre-dump and restore, for example `--tcp-established`. */
  criuOptions?: readonly string[]
  /** Options of dumps and pre-dumps only. */
  dumpOptions?: readonly string[]
  /** Options of the restore only. */
  restoreOptions?: readonly string[]
  /** Deadline of one criu run, in ms. */
  criuTimeout?: number
  /** Environment variables of every criu. */
  criuEnvironment?: Record<string, string>
  /**
   * Starts an intermediary between a daemon and its mount. Returns the socket that the mount uses
   * in place of the daemon's.
   */
  interpose?: (daemon: StartedDaemon) => Promise<string>
  onImage?: (written: WrittenImage) => void
  /** Mounts the images; by default in a process of the host. */
  mount?: StartMount
}

interface Side {
  host: Host
  daemon: StartedDaemon
  mount: Mounted
  /** CRIU's work directory, for logs and statistics. */
  work: string
}

/** A migration with its daemons and mounts. The caller calls the steps, then `stop`. */
export class Migration {
  readonly source: Side
  readonly destination: Side
  readonly #options: MigrationOptions
  #snapshots = 0

  private constructor(options: MigrationOptions, source: Side, destination: Side) {
    this.#options = options
    this.source = source
    this.destination = destination
  }

  /** Starts daemons and mounts. Throws HostError, with nothing left running. */
  static async start(options: MigrationOptions): Promise<Migration> {
    const { proxy, cache } = await startPair({ ...options, ...options.daemonHosts })
    const stopAll = () =>
      Promise.all([proxy, cache].map((daemon) => daemon.process.kill('SIGKILL')))
    try {
      const source = await mountSide(options, proxy)
      try {
        return new Migration(options, source, await mountSide(options, cache))
      } catch (thrown) {
        await source.mount.stop().catch(() => {})
        throw thrown
      }
    } catch (thrown) {
      await stopAll()
      throw thrown
    }
  }

  /** Ids of the snapshots so far, oldest first. */
  get snapshots(): string[] {
    return Array.from({ length: this.#snapshots }, (_, index) => String(index + 1))
  }

  /** Pre-dumps: copies memory while the process runs on. Throws CriuError. */
  async preDump(pid: number): Promise<void> {
    await this.#dump('pre-dump', pid, ['--track-mem'])
  }

  /** Dumps a process that runs on, as the parent of the next snapshot. Throws CriuError. */
  async snapshot(pid: number): Promise<void> {
    await this.#dump('dump', pid, ['--track-mem', '--leave-running'])
  }

  /**
   * Makes the last dump. CRIU kills the process only after every image is in the cache; otherwise
   * the process runs on. Throws CriuError. `gate: false` is for tests: CRIU then kills the process
   * as soon as it has written its images. With `leave` the process runs on, or stays stopped.
   */
  async dump(
    pid: number,
    { gate = true, leave }: { gate?: boolean; leave?: 'running' | 'stopped' } = {},
  ): Promise<void> {
    const tracking = [
      ...(this.#snapshots > 0 ? ['--track-mem'] : []),
      ...(leave === undefined ? [] : [`--leave-${leave}`]),
    ]
    if (!gate) return this.#dump('dump', pid, tracking)
    const { options, serve, abandon } = await makeGate(this.source.host, this.source.work)
    const snapshot = String(this.#snapshots + 1)
    const committed = serve(() =>
      everythingArrived(
        this.source.host,
        this.source.mount.directory,
        this.destination.host,
        this.destination.mount.directory,
        snapshot,
      ),
    )
    try {
      await this.#dump('dump', pid, [...tracking, ...options])
    } catch (thrown) {
      await abandon()
      await committed
      throw thrown
    }
  }

  /** Tells the proxy that the dump is finished. Throws HostError unless it then exits 0. */
  async finishDump(): Promise<void> {
    const { host, mount, daemon } = this.source
    await output(host, ['touch', `${mount.directory}/null/DUMP_FINISH`], { timeout: END_TIMEOUT })
    await awaitCleanExit(daemon)
  }

  /**
   * Restores the last snapshot, or `snapshot` if the restore begins before the dump. Returns the
   * pid. Throws CriuError.
   */
  async restore(snapshot = String(this.#snapshots)): Promise<number> {
    const { host, work } = this.destination
    const { criuOptions = [], restoreOptions = [] } = this.#options
    const detached = ['--restore-detached', '--pidfile', `${work}/restored.pid`]
    await this.#criu('restore', this.destination, snapshot, [
      ...detached,
      ...criuOptions,
      ...restoreOptions,
    ])
    return Number(await output(host, ['cat', `${work}/restored.pid`]))
  }

  /** Tells the cache that the restore is finished. Throws HostError unless it then exits 0. */
  async finishRestore(): Promise<void> {
    const { host, mount, daemon } = this.destination
    await output(host, ['sh', '-c', 'cat <"$1"', 'sh', `${mount.directory}/null/RESTORE_FINISH`], {
      timeout: END_TIMEOUT,
    })
    await awaitCleanExit(daemon)
  }

  /** Unmounts both sides and kills both daemons. */
  async stop(): Promise<void> {
    await Promise.all(
      [this.source, this.destination].map(({ mount }) => mount.stop().catch(() => {})),
    )
    await Promise.all(
      [this.source, this.destination].map(({ daemon }) => daemon.process.kill('SIGKILL')),
    )
  }

  async #dump(action: CriuAction, pid: number, options: string[]): Promise<void> {
    const snapshot = String(this.#snapshots + 1)
    const parent = this.#snapshots > 0 ? ['--prev-images-dir', `../${this.#snapshots}`] : []
    await output(this.source.host, ['mkdir', `${this.source.mount.directory}/${snapshot}`])
    this.#snapshots++
    const { criuOptions = [], dumpOptions = [] } = this.#options
    await this.#criu(action, this.source, snapshot, [
      '-t',
      String(pid),
      ...parent,
      ...options,
      ...criuOptions,
      ...dumpOptions,
    ])
  }

  #criu(
    action: CriuAction,
    { host, mount, work }: Side,
    snapshot: string,
    options: string[],
  ): Promise<void> {
    const {
      criu: binary,
      criuTimeout: timeout = CRIU_TIMEOUT,
      criuEnvironment: environment,
    } = this.#options
    const images = `${mount.directory}/${snapshot}`
    return criu(action, {
      host,
      criu: binary,
      images,
      work,
      options,
      timeout,
      ...(environment && { environment }),
    })
  }
}

/** Mounts the images of a daemon on its side's host. */
async function mountSide(
  {
    source,
    destination,
    descriptor,
    interpose,
    onImage,
    mount: start = startMount,
  }: MigrationOptions,
  daemon: StartedDaemon,
): Promise<Side> {
  const host = daemon.role === 'proxy' ? source : destination
  const socket = (await interpose?.(daemon)) ?? daemon.socket
  const mount = await start(
    host,
    daemon.role,
    socket,
    descriptor.dialect,
    daemon.role === 'proxy' ? onImage : undefined,
  )
  return { host, daemon, mount, work: await host.directory() }
}

/** Waits for a daemon's exit, and kills it at the deadline. Throws HostError unless it exits 0. */
async function awaitCleanExit({ role, process: daemon }: StartedDaemon): Promise<void> {
  const killed = setTimeout(() => void daemon.kill('SIGKILL'), END_TIMEOUT)
  const completed = await daemon.exited.finally(() => clearTimeout(killed))
  if (completed.code !== 0)
    throw new HostError(
      `ending the ${role}: expected exit 0 within ${END_TIMEOUT} ms, got ${describeEnd(completed)}`,
    )
}
