import { z } from 'zod'
import { parseJson } from '../checked.ts'
import { type Host, HostError, type HostProcess, output } from '../hosts/host.ts'
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

/*
 * Runs one load once: by the floor, or by daemons that are started for the run and ended after it.
 */

type Open = Extract<Load, { kind: 'open' }>

const usage = z.object({ cpu: z.number(), peak: z.number() })

/** The results of one run; floor.c and load.c print them as JSON. */
const runSchema = z.object({
  /**
   * Time from the first byte written to the last byte read. For opens, the time that the transfer
   * of all images to the cache takes.
   */
  seconds: z.number(),
  proxy: usage.exactOptional(),
  cache: usage.exactOptional(),
  /** Seconds from a reader's connect to its last byte. */
  open: z.object({ p50: z.number(), p99: z.number() }).exactOptional(),
})
export type Run = z.infer<typeof runSchema>

/** Deadline of one run, in ms: a hundred times as long as a run of the reference. */
const DEADLINE = 300_000
/** How long a daemon may take to exit after SIGTERM, in ms. */
const GRACE = 2_000

/** Runs the floor. Throws HostError if it fails or the deadline passes. */
export async function runFloor(host: Host, { floor }: Programs, load: Load): Promise<Run> {
  const reads =
    load.kind === 'transfer' ? [load.images * load.reads, load.size] : [1, bytesHeld(load)]
  const parameters = [await host.directory(), load.images, load.size, ...reads]
  return runProgram(host, [...floor, ...parameters.map(String)])
}

/**
 * Runs a load with the daemons of an implementation. Throws HostError if a byte is wrong, a daemon
 * does not start, or the deadline passes.
 */
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
      proxy: usageSince(before[0], proxy.process),
      cache: usageSince(before[1], cache.process),
    }
  } finally {
    await endDaemons(proxy, cache)
  }
}

/**
 * Runs a load of opens with the cache alone. The load program acts as the proxy; otherwise the
 * transfer of a million images would take most of the time.
 */
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
    return { ...run, cache: usageSince(before, cache.process) }
  } finally {
    await endDaemons(cache)
  }
}

/** Runs load.c. Throws HostError if a byte is wrong or the deadline passes. */
export async function runLoad(
  host: Host,
  { load }: Programs,
  parameters: readonly (string | number)[],
): Promise<Run> {
  return runProgram(host, [...load, ...parameters.map(String)])
}

async function runProgram(host: Host, command: readonly string[]): Promise<Run> {
  const text = await output(host, command, { timeout: DEADLINE })
  try {
    return parseJson(runSchema, text, 'reading the results of a load')
  } catch (thrown) {
    throw HostError.from(thrown, `running ${command[0]} on ${host.name}`)
  }
}

/**
 * Ends the daemons by SIGTERM, and by SIGKILL after a grace period. A killed reference does not
 * keep its compiled code for the next start.
 */
async function endDaemons(...daemons: readonly StartedDaemon[]): Promise<void> {
  for (const { process } of daemons) {
    await process.kill('SIGTERM')
    const late = setTimeout(() => void process.kill('SIGKILL'), GRACE)
    await process.exited.finally(() => clearTimeout(late))
  }
}

/** Returns the parameters of load.c. */
function transferOrAppend(
  load: Exclude<Load, Open>,
  proxy: StartedDaemon,
  cache: StartedDaemon,
): (string | number)[] {
  if (load.kind === 'append') return ['append', proxy.socket, cache.socket, load.images, load.size]
  const { images, size, writers, readers, reads } = load
  return ['transfer', proxy.socket, cache.socket, images, size, writers, readers, reads]
}

/** Returns the processor time since `before`, and the peak memory so far. */
function usageSince(before: Usage, { pid }: HostProcess): Usage {
  const { cpu, peak } = usageOf(pid)
  return { cpu: cpu - before.cpu, peak }
}
