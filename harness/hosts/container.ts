import { addAbortSignal, type Duplex, PassThrough, type Writable } from 'node:stream'
import { ANNOUNCE, Announced } from './announce-pid.ts'
import { checkout, hostCommands } from './checkout.ts'
import {
  GenericContainer,
  getContainerRuntimeClient,
  Network,
  type StartedNetwork,
  type StartedTestContainer,
} from './docker.ts'
import {
  type Completed,
  type Host,
  HostError,
  type HostProcess,
  output,
  run,
  type StartOptions,
  thisKernel,
} from './host.ts'
import { defaultImage, imageByName } from './image.ts'
import { Lines } from './lines.ts'
import { label, reapNetwork } from './reaper.ts'

/*
 * Privileged containers as hosts, through testcontainers.
 *
 * Each pair of hosts has a network of its own. A container's root file system is read-only, and all
 * its writable directories are in memory, so no image can reach a disk. The container sees this
 * checkout and this node binary read-only, so it runs the same `criu-remote`. Every container
 * carries a label, by which the reaper removes it after this process has ended, also after SIGKILL.
 */

const NODE = '/opt/criu-remote-node'
const FIRST_PORT = 9996
const TMPFS = {
  '/tmp': 'rw,exec,mode=1777',
  '/run': 'rw,exec,mode=755',
  '/root': 'rw,mode=700',
  '/var/tmp': 'rw,mode=1777',
}
/** First process of a container: waits for ever and reaps orphans of restored process trees. */
const INIT = ['sh', '-c', 'trap "exit 0" TERM; while :; do sleep 3600 & wait $!; done']

export interface ContainerOptions {
  /** The name of an image, or the path of a Dockerfile to build one from. */
  image?: string
  /** Further directories that the container sees, read-only at the same path. */
  mounts?: readonly string[]
}

/**
 * Starts a source and a destination: two containers on a network of their own. Throws HostError.
 */
export async function containerPair(
  options: ContainerOptions = {},
): Promise<{ source: Host; destination: Host; stop: () => Promise<void> }> {
  const { hosts, stop } = await startContainers(['source', 'destination'], options)
  const [source, destination] = hosts as [Host, Host]
  return { source, destination, stop }
}

/** Starts one container on a network of its own. Throws HostError. */
export async function oneContainer(options: ContainerOptions = {}): Promise<Host> {
  const { hosts, stop } = await startContainers(['container'], options)
  return { ...(hosts[0] as Host), stop }
}

async function startContainers(
  names: readonly string[],
  options: ContainerOptions,
): Promise<{ hosts: Host[]; stop: () => Promise<void> }> {
  const image = await imageByName(options.image ?? defaultImage())
  const network = await startNetwork()
  const hosts: Host[] = []
  const stop = async () => {
    await Promise.all(hosts.map((host) => host.stop()))
    await network.stop().catch(() => {})
  }
  try {
    for (const name of names) hosts.push(await containerHost(name, network, { ...options, image }))
    return { hosts, stop }
  } catch (thrown) {
    await stop()
    throw thrown
  }
}

async function startNetwork(): Promise<StartedNetwork> {
  const network = await new Network().start().catch((thrown) => {
    throw HostError.from(thrown, 'making a network for containers')
  })
  await reapNetwork(network.getName())
  return network
}

async function containerHost(
  name: string,
  network: StartedNetwork,
  { image, mounts = [] }: ContainerOptions & { image: string },
): Promise<Host> {
  const container = await new HostContainer(image)
    .withReadOnlyRoot()
    .withPrivilegedMode()
    .withNetwork(network)
    .withTmpFs(TMPFS)
    .withLabels(label())
    .withCommand(INIT)
    .withBindMounts([
      { source: checkout, target: checkout, mode: 'ro' },
      { source: process.execPath, target: NODE, mode: 'ro' },
      ...mounts.map((path) => ({ source: path, target: path, mode: 'ro' as const })),
    ])
    .start()
    .catch((thrown) => {
      throw HostError.from(thrown, `starting a container of ${image}`)
    })
  return containerAsHost(name, container.getId(), container.getIpAddress(network.getName()), () =>
    stopContainer(container),
  )
}

/**
 * Returns a running container, by name or id, as a host. Its `stop` leaves the container running.
 */
export async function existingContainer(id: string): Promise<Host> {
  const client = await getContainerRuntimeClient()
  const found = await client.container.inspect(client.container.getById(id)).catch((thrown) => {
    throw HostError.from(thrown, `looking for container ${id}`)
  })
  const [address] = Object.values(found.NetworkSettings.Networks).map(
    (network) => network.IPAddress,
  )
  const host = containerAsHost(id, found.Id, address ?? '127.0.0.1', async () => {})
  const { code } = await run(host, [...host.criuRemote, '--version'])
  if (code !== 0)
    throw new HostError(
      `using container ${id}: expected node at ${NODE} and this checkout at ${checkout}; mount both into it`,
    )
  return host
}

function containerAsHost(
  name: string,
  id: string,
  address: string,
  stop: () => Promise<void>,
): Host {
  let nextPort = FIRST_PORT
  const stopping = new AbortController()
  const host: Host = {
    name,
    address,
    ...hostCommands(NODE),
    kernel: thisKernel,
    ownPids: true,
    start: (command, options = {}) => startInContainer(id, stopping.signal, command, options),
    directory: async () => (await output(host, ['mktemp', '-d', '/run/criu-remote-XXXXXX'])).trim(),
    freePort: async () => nextPort++,
    async stop() {
      await stop()
      stopping.abort()
    },
  }
  return host
}

async function stopContainer(container: StartedTestContainer): Promise<void> {
  await container.stop({ timeout: 0, remove: true, removeVolumes: true }).catch(() => {})
}

/**
 * Starts a process in a container. Throws HostError.
 *
 * After a container is removed, the engine may neither answer for a process in it nor end its
 * stream. The host's `stop` therefore aborts `stopped`, which ends both.
 */
async function startInContainer(
  id: string,
  stopped: AbortSignal,
  command: readonly string[],
  options: StartOptions = {},
): Promise<HostProcess> {
  const client = await getContainerRuntimeClient()
  const container = client.container.getById(id)
  const announced = new Announced()
  const stdout = new Lines((line) => announced.take(line, options.onLine))
  const stderr = new Lines()
  try {
    const exec = await container.exec({ ...execOptions(command, options), abortSignal: stopped })
    const stream = addAbortSignal(
      stopped,
      await exec.start({ hijack: true, stdin: false, abortSignal: stopped }),
    )
    client.container.dockerode.modem.demuxStream(stream, collectInto(stdout), collectInto(stderr))
    const exited = endOf(stream).then(async (): Promise<Completed> => {
      const { ExitCode } = await exec
        .inspect({ abortSignal: stopped })
        .catch(() => ({ ExitCode: null }))
      return { code: ExitCode ?? 137, stdout: announced.end(stdout.text), stderr: stderr.text }
    })
    const pid = await announced.pid
    const kill: HostProcess['kill'] = async (signal) => {
      const killer = startInContainer(id, stopped, ['kill', `-${signal.slice(3)}`, String(pid)])
      await killer.then(({ exited }) => exited).catch(() => {})
    }
    return { pid, exited, kill }
  } catch (thrown) {
    throw HostError.from(thrown, `starting ${command[0]} in a container`)
  }
}

/** Returns the engine's options for a process that announces its pid. */
function execOptions(
  command: readonly string[],
  { environment, workingDirectory }: StartOptions,
): { Cmd: string[]; AttachStdout: true; AttachStderr: true; Env?: string[]; WorkingDir?: string } {
  return {
    Cmd: [...ANNOUNCE, ...command],
    AttachStdout: true,
    AttachStderr: true,
    ...(environment && {
      Env: Object.entries(environment).map(([key, value]) => `${key}=${value}`),
    }),
    ...(workingDirectory !== undefined && { WorkingDir: workingDirectory }),
  }
}

/** Resolves at the end of a stream, also after an error or an abort. */
function endOf(stream: Duplex): Promise<void> {
  return new Promise((resolve) =>
    stream
      .once('end', resolve)
      .once('close', resolve)
      .once('error', () => resolve()),
  )
}

/** Returns a stream that adds its text to `lines`. */
function collectInto(lines: Lines): Writable {
  return new PassThrough().setEncoding('utf8').on('data', (text: string) => lines.add(text))
}

class HostContainer extends GenericContainer {
  withReadOnlyRoot(): this {
    this.hostConfig.ReadonlyRootfs = true
    return this
  }
}
