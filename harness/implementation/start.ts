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

/** A proxy or cache that was started on a host. */
export interface StartedDaemon {
  role: Role
  /** Path of its UNIX socket on the host. */
  socket: string
  /** Its own directory on the host. */
  directory: string
  process: HostProcess
}

/** How long a daemon may take to listen, in ms: a guest without KVM on a busy machine needs more than ten seconds. */
const START_TIMEOUT = 60_000

/** The reference as an implementation like any other, started by its command line. */
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
 * Starts a cache and then its proxy. A cache may open its UNIX socket only after the proxy connected, so the proxy is
 * started as soon as the cache listens anywhere. Throws HostError with a daemon's last line if one does not start.
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

/** Starts a proxy or cache in a fresh directory of the host. It may not be listening yet. */
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
  const started = await host.start(fillIn(description, { directory, socket, ...place }), {
    environment: { ...descriptor.environment, ...description.environment },
    workingDirectory: description.workingDirectory ?? descriptor.workingDirectory ?? directory,
  })
  return { role, socket, directory, process: started }
}

/** Waits until a daemon listens at one of these places. Throws HostError if it ends instead, or does not within START_TIMEOUT. */
export async function awaitListening(
  host: Host,
  { role, process: daemon }: StartedDaemon,
  places: string[],
): Promise<void> {
  const waiting = listening(host, places)
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

/** Waits on the host, or from here where its network can be seen from here, which saves the start of a process. */
async function listening(host: Host, places: string[]): Promise<{ code: number }> {
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

/** How a process ended, with its last words. */
export function describeEnd({ code, stdout, stderr }: Completed): string {
  return `exit ${code}: ${lastLine(stderr) || lastLine(stdout) || 'it printed nothing'}`
}

function fillIn({ command }: DaemonDescription, values: Record<string, string | number>): string[] {
  return command.map((word) =>
    word.replace(/\{(directory|socket|host|port)\}/g, (_, key: string) => String(values[key])),
  )
}
