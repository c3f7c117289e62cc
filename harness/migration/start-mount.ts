import { type Host, HostError, type HostProcess, lastLine, run } from '../hosts/host.ts'
import type { Descriptor } from '../implementation/descriptor.ts'
import { describeEnd } from '../implementation/start.ts'

/** An image that CRIU wrote through a mount and the proxy took. */
export interface WrittenImage {
  image: string
  bytes: number
}

/** A mount on a host. */
export interface Mounted {
  /** The mount point; `ID/` below it is the images directory of snapshot ID. */
  directory: string
  /** Unmounts, and waits for the end. */
  stop(): Promise<void>
}

/** Mounts the images of the daemon at `socket`; `onImage` is called for each image that is completed through the mount. */
export type StartMount = (
  host: Host,
  side: 'proxy' | 'cache',
  socket: string,
  dialect: Descriptor['dialect'],
  onImage?: (written: WrittenImage) => void,
) => Promise<Mounted>

/** How long an unmount may take, in ms, before it is forced. */
const STOP_TIMEOUT = 10_000

/** By a `criu-remote mount` of its own. */
export const startMount: StartMount = async (host, side, socket, dialect, onImage) => {
  const directory = await host.directory()
  const ready = Promise.withResolvers<void>()
  const mount = await host.start(
    [
      ...host.criuRemote,
      'mount',
      directory,
      `--${side}`,
      socket,
      '--dialect',
      dialect,
      '--report-images',
    ],
    {
      onLine(line) {
        const said = JSON.parse(line) as { ready?: true } & WrittenImage
        if (said.ready) ready.resolve()
        else onImage?.(said)
      },
    },
  )
  const early = mount.exited.then((completed) => {
    throw new HostError(`mounting on ${host.name}: ${describeEnd(completed)}`)
  })
  await Promise.race([ready.promise, early])
  early.catch(() => {})
  return { directory, stop: () => stopMount(host, mount, directory) }
}

async function stopMount(host: Host, mount: HostProcess, directory: string): Promise<void> {
  await mount.kill('SIGTERM')
  const forced = setTimeout(() => void run(host, ['umount', '-f', '-l', directory]), STOP_TIMEOUT)
  const { code, stderr } = await mount.exited.finally(() => clearTimeout(forced))
  if (code !== 0)
    throw new HostError(`unmounting on ${host.name}: exit ${code}: ${lastLine(stderr)}`)
}
