import type { Host, HostProcess } from '../hosts/host.ts'
import { output } from '../hosts/host.ts'
import type { Descriptor } from '../implementation/descriptor.ts'
import {
  awaitListening,
  type StartedDaemon,
  startDaemon,
  startPair,
} from '../implementation/start.ts'
import { bytesHeld, type Load } from './loads.ts'
import type { Programs } from './programs.ts'
import { type Usage, usageOf } from './usage.ts'

/* One run of one load: by the floor, or by daemons that are started for it and ended behind it. */

type Open = Extract<Load, { kind: 'open' }>

export interface Run {
  /** From the first byte written to the last one read; of opens, of the way of all images to the cache. */
  seconds: number
  proxy?: Usage
  cache?: Usage
  /** Seconds from the connect of a reader to the last byte. */
  open?: { p50: number; p99: number }
}

/** Deadline of one run, in ms: two orders above what the reference takes. */
const DEADLINE = 300_000
/** Time for a daemon to end in order, in ms. */
const GRACE = 2_000

export async function runFloor(host: Host, { floor }: Programs, load: Load): Promise<Run> {
  const reads =
    load.kind === 'transfer' ? [load.images * load.reads, load.size] : [1, bytesHeld(load)]
  const parameters = [await host.directory(), load.images, load.size, ...reads]
  return JSON.parse(
    await output(host, [...floor, ...parameters.map(String)], { timeout: DEADLINE }),
  )
}

/** Throws HostError if a byte is wrong, a daemon does not start, or the deadline comes. */
export async function runImplementation(
  host: Host,
  programs: Programs,
  load: Load,
  descriptor: Descriptor,
): Promise<Run> {
  if (load.kind === 'open') return runOpens(host, programs, load, descriptor)
  const { proxy, cache } = await startPair({ source: host, destination: host, descriptor })
  try {
    const before = [usageOf(proxy.process.pid), usageOf(cache.process.pid)] as const
    const run = await runLoad(host, programs, transferOrAppend(load, proxy, cache))
    return {
      ...run,
      proxy: since(before[0], proxy.process),
      cache: since(before[1], cache.process),
    }
  } finally {
    await end(proxy, cache)
  }
}

/** The cache alone: the load plays its proxy, or a million images would take most of the time. */
async function runOpens(
  host: Host,
  programs: Programs,
  load: Open,
  descriptor: Descriptor,
): Promise<Run> {
  const port = await host.freePort()
  const cache = await startDaemon(host, 'cache', descriptor, { host: host.address, port })
  try {
    await awaitListening(host, cache, [`tcp:${port}`])
    await awaitListening(host, cache, [`unix:${cache.socket}`])
    const before = usageOf(cache.process.pid)
    const run = await runLoad(host, programs, [
      'open',
      cache.socket,
      port,
      load.images,
      load.size,
      load.opens,
    ])
    return { ...run, cache: since(before, cache.process) }
  } finally {
    await end(cache)
  }
}

/** Runs harness/native/load.c; throws HostError if a byte is wrong or the deadline comes. */
export async function runLoad(
  host: Host,
  { load }: Programs,
  parameters: readonly (string | number)[],
): Promise<Run> {
  return JSON.parse(await output(host, [...load, ...parameters.map(String)], { timeout: DEADLINE }))
}

/** In order, if they can: a reference that is killed does not keep the code that it compiled for its next start. */
async function end(...daemons: readonly StartedDaemon[]): Promise<void> {
  for (const { process } of daemons) {
    await process.kill('SIGTERM')
    const late = setTimeout(() => void process.kill('SIGKILL'), GRACE)
    await process.exited.finally(() => clearTimeout(late))
  }
}

function transferOrAppend(
  load: Exclude<Load, Open>,
  proxy: StartedDaemon,
  cache: StartedDaemon,
): (string | number)[] {
  if (load.kind === 'append') return ['append', proxy.socket, cache.socket, load.images, load.size]
  const { images, size, writers, readers, reads } = load
  return ['transfer', proxy.socket, cache.socket, images, size, writers, readers, reads]
}

function since(before: Usage, { pid }: HostProcess): Usage {
  const { cpu, peak } = usageOf(pid)
  return { cpu: cpu - before.cpu, peak }
}
