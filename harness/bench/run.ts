import type { Host, HostProcess } from '../hosts/host.ts'
import { output } from '../hosts/host.ts'
import type { Descriptor } from '../implementation/descriptor.ts'
import { type StartedDaemon, startPair } from '../implementation/start.ts'
import { bytesHeld, type Load } from './loads.ts'
import type { Programs } from './programs.ts'
import { type Usage, usageOf } from './usage.ts'

/* One run of one load: by the floor, or by daemons that are started for it and ended behind it. */

export interface Run {
  seconds: number
  proxy?: Usage
  cache?: Usage
  /** Seconds from the connect of a reader to the last byte. */
  open?: { p50: number; p99: number }
}

/** Deadline of one run, in ms: two orders above what the reference takes. */
const DEADLINE = 300_000

export async function runFloor(host: Host, { floor }: Programs, load: Load): Promise<Run> {
  const reads = load.kind === 'transfer' ? [load.images * load.reads, load.size] : [1, bytesHeld(load)]
  const parameters = [await host.directory(), load.images, load.size, ...reads]
  return JSON.parse(await output(host, [...floor, ...parameters.map(String)], { timeout: DEADLINE }))
}

/** Throws HostError if a byte is wrong, a daemon does not start, or the deadline comes. */
export async function runImplementation(host: Host, { load: program }: Programs, load: Load, descriptor: Descriptor): Promise<Run> {
  const { proxy, cache } = await startPair({ source: host, destination: host, descriptor })
  try {
    const before = [usageOf(proxy.process.pid), usageOf(cache.process.pid)] as const
    const run: Run = JSON.parse(await output(host, [...program, ...parameters(load, proxy, cache)], { timeout: DEADLINE }))
    return { ...run, proxy: since(before[0], proxy.process), cache: since(before[1], cache.process) }
  } finally {
    for (const { process } of [proxy, cache]) {
      await process.kill('SIGKILL')
      await process.exited
    }
  }
}

function parameters(load: Load, proxy: StartedDaemon, cache: StartedDaemon): string[] {
  if (load.kind === 'transfer') {
    const { images, size, writers, readers, reads } = load
    return ['transfer', proxy.socket, cache.socket, ...[images, size, writers, readers, reads].map(String)]
  }
  return ['append', proxy.socket, cache.socket, ...[load.images, load.size].map(String)]
}

function since(before: Usage, { pid }: HostProcess): Usage {
  const { cpu, peak } = usageOf(pid)
  return { cpu: cpu - before.cpu, peak }
}
