import type { Host } from '../hosts/host.ts'
import type { Descriptor } from '../implementation/descriptor.ts'
import { type BenchOptions, CacheBench, PairBench, ProxyBench } from './bench.ts'
import { type Case, NotApplicable } from './case.ts'
import { type Subject, startSubject } from './daemon-under-test.ts'
import { CachePeer } from './fake-cache.ts'
import { Trace } from './trace.ts'

/* Starts what a case needs, runs it, and stops everything again. */

export interface Setting {
  host: Host
  descriptor: Descriptor
  /** Whether the cache opens its UNIX socket only after the proxy connected. */
  lateSocket: boolean
}

/** Runs a case on daemons of its own, which are pushed to `subjects`; `begin` is called when they are ready. */
export async function runOnFreshDaemons(
  setting: Setting,
  value: Case,
  options: BenchOptions,
  subjects: Subject[],
  begin: () => void,
): Promise<void> {
  const timed =
    <B>(run: (bench: B) => Promise<void>) =>
    (bench: B) => {
      begin()
      return run(bench)
    }
  switch (value.role) {
    case 'proxy':
      return onProxy(setting, options, subjects, timed(value.run))
    case 'cache':
      return onCache(setting, value.link === 'later', options, subjects, timed(value.run))
    case 'pair':
      return onPair(setting, options, subjects, timed(value.run))
  }
}

async function onProxy(
  { host, descriptor }: Setting,
  options: BenchOptions,
  subjects: Subject[],
  run: (bench: ProxyBench) => Promise<void>,
): Promise<void> {
  // Closed only when the proxy is stopped: a proxy that loses its cache ends, which would be taken for what failed.
  const cache = await CachePeer.listen(options.trace)
  const proxy = await startSubject(host, descriptor, 'proxy', cache.port, () => cache.close())
  subjects.push(proxy)
  await proxy.untilReady()
  await run(new ProxyBench(options, proxy, cache))
}

async function onCache(
  setting: Setting,
  linkLater: boolean,
  options: BenchOptions,
  subjects: Subject[],
  run: (bench: CacheBench) => Promise<void>,
): Promise<void> {
  if (linkLater && setting.lateSocket)
    throw new NotApplicable('it opens its UNIX socket only after the proxy connected')
  const cache = await startSubject(
    setting.host,
    setting.descriptor,
    'cache',
    await setting.host.freePort(),
  )
  subjects.push(cache)
  const bench = new CacheBench(options, cache)
  if (!linkLater) await bench.connectLink()
  await cache.untilReady()
  await run(bench)
}

async function onPair(
  setting: Setting,
  options: BenchOptions,
  subjects: Subject[],
  run: (bench: PairBench) => Promise<void>,
): Promise<void> {
  const { host, descriptor, lateSocket } = setting
  const port = await host.freePort()
  const cache = await startSubject(host, descriptor, 'cache', port)
  subjects.push(cache)
  await (lateSocket ? cache.untilPortListens() : cache.untilReady())
  const proxy = await startSubject(host, descriptor, 'proxy', port)
  subjects.push(proxy)
  await proxy.untilReady()
  if (lateSocket) await cache.untilReady()
  await run(new PairBench(options, proxy, cache))
}

/** Starts each daemon once: whether they start at all, and how the cache does. Throws HostError if one does not. */
export async function tryStart(
  host: Host,
  descriptor: Descriptor,
): Promise<{ lateSocket: boolean }> {
  const lateSocket = descriptor.cache === undefined ? false : await tryCache(host, descriptor)
  if (descriptor.proxy !== undefined) await tryProxy(host, descriptor)
  return { lateSocket }
}

/** How long a cache that listens for its proxy may take to open its UNIX socket as well, in ms, before it is taken for one that waits for the proxy. */
const SOCKET_GRACE = 2_000

async function tryCache(host: Host, descriptor: Descriptor): Promise<boolean> {
  const cache = await startSubject(host, descriptor, 'cache', await host.freePort())
  try {
    const ready = cache.untilReady()
    ready.catch(() => {})
    await cache.untilPortListens()
    const early = await Promise.race([
      ready.then(() => true),
      new Promise<false>((resolve) => setTimeout(resolve, SOCKET_GRACE, false)),
    ])
    return !early
  } finally {
    await cache.stop()
  }
}

async function tryProxy(host: Host, descriptor: Descriptor): Promise<void> {
  const peer = await CachePeer.listen(new Trace())
  const proxy = await startSubject(host, descriptor, 'proxy', peer.port, () => peer.close())
  try {
    await proxy.untilReady()
  } finally {
    await proxy.stop()
  }
}
