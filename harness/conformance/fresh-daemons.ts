import type { Host } from '../hosts/host.ts'
import type { Descriptor } from '../implementation/descriptor.ts'
import { Violation } from '../violation.ts'
import type { Case } from './case.ts'
import { CacheUnderTest } from './contexts/cache.ts'
import { ClientUnderTest } from './contexts/client.ts'
import type { ContextOptions } from './contexts/daemon.ts'
import { PairUnderTest } from './contexts/pair.ts'
import { ProxyUnderTest } from './contexts/proxy.ts'
import { type DaemonUnderTest, NeverListened, startDaemonUnderTest } from './daemon-under-test.ts'
import { FakeCache } from './fake-cache.ts'
import { NotApplicable } from './not-applicable.ts'
import type { Surroundings } from './surroundings.ts'

/*
 * Each case runs on daemons of its own. An implementation whose daemons do not start at all cannot
 * be judged, so the run ends if the first start of a role fails. A later failure is only trouble of
 * one case, since the role has started before. The rejected alternative, a trial start of each role
 * before the first case, takes up to two seconds more and learns nothing else.
 */

/**
 * How long a cache that listens for its proxy may take to open its UNIX socket as well, in ms. One
 * that takes longer counts as one that waits for the proxy first.
 */
const SOCKET_GRACE = 2_000

/** Thrown when a daemon does not start and its role has not started before in this run. */
export class NeverStarted extends Error {
  override name = 'NeverStarted'
  /** The error of the start, a HostError as a rule. */
  readonly reason: unknown

  constructor(reason: unknown) {
    super((reason as Error).message)
    this.reason = reason
  }
}

/** A case, and the parts of its context that do not depend on daemons. */
export interface CaseToRun {
  value: Case
  options: ContextOptions
  /** The daemons of the case, added as they are started; the caller stops them. */
  daemons: DaemonUnderTest[]
  /** The client of the case, added when it is ready; the caller stops it. */
  clients: ClientUnderTest[]
  surroundings: Surroundings
  /** Called when the daemons are ready and the case begins. */
  begin(): void
}

/** Starts the daemons of cases, and remembers how the first ones started. */
export class FreshDaemons {
  readonly #host: Host
  readonly #diskHost: Host
  readonly #descriptor: Descriptor
  readonly #started = new Set<'proxy' | 'cache'>()
  /**
   * Whether the cache opens its UNIX socket before the proxy connects; undefined: not known yet.
   */
  #opensSocketFirst: boolean | undefined

  /** @param diskHost the host of cases whose daemons have directories on a disk */
  constructor(host: Host, diskHost: Host, descriptor: Descriptor) {
    this.#host = host
    this.#diskHost = diskHost
    this.#descriptor = descriptor
  }

  /**
   * Runs a case on daemons of its own. Throws NotApplicable, NeverStarted, HostError if a later
   * start fails, and the errors of the case.
   */
  async run(toRun: CaseToRun): Promise<void> {
    const { value, options, begin } = toRun
    switch (value.role) {
      case 'proxy': {
        const proxy = await this.#proxyAlone(toRun)
        begin()
        return value.run(proxy)
      }
      case 'cache': {
        const cache = new CacheUnderTest(options, await this.#startCache(toRun))
        if (value.link === 'later') await this.#untilReadyWithoutProxy(cache.daemon)
        else await this.#ready('cache', () => linked(cache))
        begin()
        return value.run(cache)
      }
      case 'pair': {
        const pair = await this.#pair(toRun)
        begin()
        return value.run(pair)
      }
      case 'client': {
        const client = await ClientUnderTest.prepare(options, this.#host, this.#descriptor)
        toRun.clients.push(client)
        await client.startTarget(value.children)
        begin()
        return value.run(client)
      }
    }
  }

  async #proxyAlone(toRun: CaseToRun): Promise<ProxyUnderTest> {
    // The fake cache is closed after the proxy has been stopped: a proxy that loses its cache
    // ends, and that would be taken for the failure.
    const fakeCache = await FakeCache.listen(toRun.options.trace)
    const proxy = await this.#start(toRun, 'proxy', fakeCache.port, () => fakeCache.close())
    await this.#ready('proxy', () => proxy.untilReady())
    return new ProxyUnderTest(toRun.options, proxy, fakeCache)
  }

  /**
   * Starts a cache and then its proxy. A cache may open its UNIX socket only after the proxy has
   * connected, so the proxy is started as soon as the cache listens anywhere.
   */
  async #pair(toRun: CaseToRun): Promise<PairUnderTest> {
    const port = await this.#host.freePort()
    const cache = await this.#startCache(toRun, port)
    await this.#ready('cache', () => cache.untilListens())
    const proxy = await this.#start(toRun, 'proxy', port)
    await this.#ready('proxy', () => proxy.untilReady())
    await this.#ready('cache', () => cache.untilReady())
    return new PairUnderTest(toRun.options, proxy, cache)
  }

  async #startCache(toRun: CaseToRun, port?: number): Promise<DaemonUnderTest> {
    return this.#start(toRun, 'cache', port ?? (await this.#host.freePort()))
  }

  /** Throws NotApplicable if the cache opens its UNIX socket only after the proxy connected. */
  async #untilReadyWithoutProxy(cache: DaemonUnderTest): Promise<void> {
    if (this.#opensSocketFirst === true) return this.#ready('cache', () => cache.untilReady())
    if (this.#opensSocketFirst === undefined) {
      await this.#ready('cache', () => cache.untilPortListens())
      this.#opensSocketFirst = await cache.isReadyWithin(SOCKET_GRACE)
    }
    if (!this.#opensSocketFirst)
      throw new NotApplicable('it opens its UNIX socket only after the proxy connected')
  }

  async #start(
    { value, daemons, surroundings: { seed, ...rest } }: CaseToRun,
    role: 'proxy' | 'cache',
    port: number,
    release = () => {},
  ): Promise<DaemonUnderTest> {
    const host = value.directoriesOnDisk === true ? this.#diskHost : this.#host
    const start = () =>
      startDaemonUnderTest(host, this.#descriptor, role, {
        link: { port, release },
        // The daemons of a pair are stopped at different times.
        surroundings: { ...rest, ...(seed !== undefined && { seed: seed + daemons.length }) },
      })
    const daemon = await this.#guardStart(role, start)
    daemons.push(daemon)
    return daemon
  }

  /** Waits until a daemon is ready, and notes that its role starts. */
  async #ready(role: 'proxy' | 'cache', wait: () => Promise<void>): Promise<void> {
    await this.#guardStart(role, wait)
    this.#started.add(role)
  }

  /**
   * Runs a step of a start. If it fails, throws NeverStarted if the role has never started, and
   * Violation if a daemon of a role that has started before runs and does not listen.
   */
  async #guardStart<T>(role: 'proxy' | 'cache', step: () => Promise<T>): Promise<T> {
    try {
      return await step()
    } catch (thrown) {
      if (!this.#started.has(role)) throw new NeverStarted(thrown)
      throw thrown instanceof NeverListened ? neverListened(role, thrown) : thrown
    }
  }
}

function neverListened(role: 'proxy' | 'cache', { message }: NeverListened): Violation {
  const permitted = { outcome: 'it listens, as it did in an earlier case', clause: 'L1' }
  return new Violation(`the start of the ${role}`, [permitted], message)
}

async function linked(cache: CacheUnderTest): Promise<void> {
  await cache.connectFirst()
  await cache.daemon.untilReady()
}
