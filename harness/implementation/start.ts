import { checkout } from '../hosts/checkout.ts'
import {
  type Completed,
  type Host,
  HostError,
  type HostProcess,
  lastLine,
  run,
} from '../hosts/host.ts'
import type { DaemonDescription, Descriptor } from './descriptor.ts'
import { askAgain, isListening } from './listening.ts'
import { tunedCommand, tunedEnvironment } from './tuning.ts'

type Role = 'proxy' | 'cache'

/** A proxy or cache that runs on a host. */
export interface StartedDaemon {
  role: Role
  /** Path of its UNIX socket on the host. */
  socket: string
  /** The daemon's own directory on the host. */
  directory: string
  process: HostProcess
}

/**
 * How long a daemon may take to listen, in ms. In a guest without KVM on a busy machine it needs
 * more than ten seconds.
 */
const START_TIMEOUT = 60_000

/** Returns a descriptor of the reference, which starts it by its command line. */
export function referenceDescriptor(
  host: Host,
  dialect: Descriptor['dialect'] = 'auto',
): Descriptor {
  const daemon = tunedCommand(host.daemons)
  const common = ['--socket', '{socket}', '--dialect', dialect]
  return {
    name: 'reference',
    dialect,
    proxy: { command: [...daemon, 'proxy', ...common, '--connect', '{host}:{port}'] },
    cache: { command: [...daemon, 'cache', ...common, '--listen', '{host}:{port}'] },
    environment: tunedEnvironment(),
    capabilities: { append: true, inheritedConnection: true },
  }
}

export interface PairOptions {
  source: Host
  destination: Host
  descriptor: Descriptor
}

/**
 * Starts a cache, then its proxy. A cache may open its UNIX socket only after the proxy has
 * connected, so the proxy starts as soon as the cache listens on either of its sockets. Throws
 * HostError with the last line of a daemon that does not start.
 */
export async function startPair({
  source,
  destination,
  descriptor,
}: PairOptions): Promise<{ proxy: StartedDaemon; cache: StartedDaemon }> {
  const place = { host: destination.address, port: await destination.freePort() }
  const cache = await startDaemon(destination, 'cache', descriptor, place)
  try {
    await awaitListening(destination, cache, [`unix:${cache.socket}`, `tcp:${place.port}`])
    const proxy = await startDaemon(source, 'proxy', descriptor, place)
    try {
      await awaitListening(source, proxy, [`unix:${proxy.socket}`])
      await awaitListening(destination, cache, [`unix:${cache.socket}`])
      return { proxy, cache }
    } catch (thrown) {
      await proxy.process.kill('SIGKILL')
      throw thrown
    }
  } catch (thrown) {
    await cache.process.kill('SIGKILL')
    throw thrown
  }
}

/**
 * Starts a daemon in a fresh directory of the host, and does not wait until it listens. Throws
 * HostError.
 */
export async function startDaemon(
  host: Host,
  role: Role,
  descriptor: Descriptor,
  place: { host: string; port: number },
): Promise<StartedDaemon> {
  const description = descriptor[role]
  if (description === undefined)
    throw new HostError(`starting ${descriptor.name}: expected its descriptor to have a ${role}`)
  const directory = await host.directory()
  const socket =
    description.socket?.replaceAll('{directory}', directory) ?? `${directory}/img-${role}.sock`
  const started = await host.start(fillPlaceholders(description, { directory, socket, ...place }), {
    environment: { ...descriptor.environment, ...description.environment },
    workingDirectory: description.workingDirectory ?? descriptor.workingDirectory ?? directory,
  })
  return { role, socket, directory, process: started }
}

/**
 * Waits until a daemon listens at one of the places. Throws HostError if it ends before, or does
 * not listen within START_TIMEOUT.
 */
export async function awaitListening(
  host: Host,
  { role, process: daemon }: StartedDaemon,
  places: string[],
): Promise<void> {
  const waiting = waitUntilListening(host, places)
  const ended: Completed | { code: number } = await Promise.race([
    waiting,
    daemon.exited.then((completed) => ({ ...completed, ended: true })),
  ])
  if ('ended' in ended)
    throw new HostError(
      `starting the ${role} on ${host.name}: it ended at once, ${describeEnd(await daemon.exited)}`,
    )
  if (ended.code !== 0)
    throw new HostError(
      `starting the ${role} on ${host.name}: expected it to listen within ${START_TIMEOUT} ms`,
    )
}

/**
 * Waits until a socket listens at one of the places. Waits in this process if this machine's /proc
 * shows the host's network, which saves the start of a process; else in a process on the host.
 */
async function waitUntilListening(host: Host, places: string[]): Promise<{ code: number }> {
  const { procDirectory } = host
  if (procDirectory === undefined) {
    const script = `${checkout}/harness/implementation/await-listening.ts`
    return run(host, [...host.node, script, String(START_TIMEOUT), ...places])
  }
  const ask = async () =>
    (await Promise.all(places.map((place) => isListening(place, procDirectory)))).includes(true) ||
    undefined
  return { code: (await askAgain(ask, START_TIMEOUT)) ? 0 : 1 }
}

/** Returns the exit code of a process and its last line of output. */
export function describeEnd({ code, stdout, stderr }: Completed): string {
  return `exit ${code}: ${lastLine(stderr) || lastLine(stdout) || 'it printed nothing'}`
}

/** Replaces the placeholders in a command. */
function fillPlaceholders(
  { command }: DaemonDescription,
  values: Record<string, string | number>,
): string[] {
  return command.map((word) =>
    word.replace(/\{(directory|socket|host|port)\}/g, (_, key: string) => String(values[key])),
  )
}
