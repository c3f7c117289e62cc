import { type CriuAction, criu } from '../criu/criu.ts'
import { type Host, HostError, output } from '../hosts/host.ts'
import type { Descriptor } from '../implementation/descriptor.ts'
import { describeEnd, type StartedDaemon, startPair } from '../implementation/start.ts'
import { everythingArrived, makeGate } from './commit-gate.ts'
import { type Mounted, type StartMount, startMount, type WrittenImage } from './start-mount.ts'

/*
 * One migration: a cache and a proxy, a mount at either side, and the steps of a migration as functions, so that a
 * scenario can take them in another order, or break something between two of them.
 */

/** Deadline of one criu, in ms, if nothing else is said; a restore that waits for its images has it as well. */
const CRIU_TIMEOUT = 300_000
/** How long a daemon may take to end by itself after it was told that its work is finished, in ms. */
const END_TIMEOUT = 30_000

export interface MigrationOptions {
  source: Host
  destination: Host
  descriptor: Descriptor
  /** Where proxy and cache run, if not beside the process and CRIU. */
  daemonHosts?: { source: Host; destination: Host }
  /** The criu binary on both hosts. */
  criu: string
  /** Further options for dump and restore, `--tcp-established` and such. */
  criuOptions?: readonly string[]
  /** Options of dumps only, pre-dumps among them, and of the restore only. */
  dumpOptions?: readonly string[]
  restoreOptions?: readonly string[]
  /** Deadline of one criu, in ms. */
  criuTimeout?: number
  /** Variables for every criu. */
  criuEnvironment?: Record<string, string>
  /** Puts something between a daemon and its mount: gives the socket that the mount shall use in place of the daemon's. */
  interpose?: (daemon: StartedDaemon) => Promise<string>
  onImage?: (written: WrittenImage) => void
  /** How the images are mounted; by default in a process of the host. */
  mount?: StartMount
}

interface Side {
  host: Host
  daemon: StartedDaemon
  mount: Mounted
  /** CRIU's work directory: logs, statistics. */
  work: string
}

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
      const source = await makeSide(options, proxy)
      try {
        return new Migration(options, source, await makeSide(options, cache))
      } catch (thrown) {
        await source.mount.stop().catch(() => {})
        throw thrown
      }
    } catch (thrown) {
      await stopAll()
      throw thrown
    }
  }

  /** Names of the snapshots so far, oldest first. */
  get snapshots(): string[] {
    return Array.from({ length: this.#snapshots }, (_, index) => String(index + 1))
  }

  /** Copies memory while the process runs. Throws CriuError. */
  async preDump(pid: number): Promise<void> {
    await this.#dump('pre-dump', pid, ['--track-mem'])
  }

  /** A full dump of a process that runs on, as a parent of the next. Throws CriuError. */
  async snapshot(pid: number): Promise<void> {
    await this.#dump('dump', pid, ['--track-mem', '--leave-running'])
  }

  /**
   * The last dump. The process is killed only when every image is in the cache; otherwise it runs on and this throws.
   * `gate: false` is for tests: CRIU then kills it as soon as it has written. `leave` keeps the process in another way.
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

  /** Tells the proxy that the dump is finished; it must then end with exit 0. */
  async finishDump(): Promise<void> {
    const { host, mount, daemon } = this.source
    await output(host, ['touch', `${mount.directory}/null/DUMP_FINISH`], { timeout: END_TIMEOUT })
    await cleanEnd(daemon)
  }

  /** Restores the last snapshot, or the one given if this begins before the dump; the pid. */
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

  /** Tells the cache that the restore is finished; it must then end with exit 0. */
  async finishRestore(): Promise<void> {
    const { host, mount, daemon } = this.destination
    await output(host, ['sh', '-c', 'cat <"$1"', 'sh', `${mount.directory}/null/RESTORE_FINISH`], {
      timeout: END_TIMEOUT,
    })
    await cleanEnd(daemon)
  }

  /** Ends what still runs. */
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

async function makeSide(
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

async function cleanEnd({ role, process: daemon }: StartedDaemon): Promise<void> {
  const killed = setTimeout(() => void daemon.kill('SIGKILL'), END_TIMEOUT)
  const completed = await daemon.exited.finally(() => clearTimeout(killed))
  if (completed.code !== 0)
    throw new HostError(
      `ending the ${role}: expected exit 0 within ${END_TIMEOUT} ms, got ${describeEnd(completed)}`,
    )
}
