import { z } from 'zod'
import { parseJson } from '../checked.ts'
import { type Host, HostError, type HostProcess, lastLine, run } from '../hosts/host.ts'
import type { Descriptor } from '../implementation/descriptor.ts'
import { describeEnd } from '../implementation/start.ts'

const writtenImage = z.object({ image: z.string(), bytes: z.number() })
/** An image that CRIU wrote through a mount to the proxy. */
export type WrittenImage = z.infer<typeof writtenImage>

/** A line of output of `criu-remote mount`. */
const report = z.union([z.object({ ready: z.literal(true) }), writtenImage])

/** A mount on a host. */
export interface Mounted {
  /** The mount point. Its directory `ID/` is the images directory of snapshot ID. */
  directory: string
  /** Unmounts and waits for the end of the mount. Throws HostError. */
  stop(): Promise<void>
}

/**
 * Mounts the images of the daemon at `socket`. Calls `onImage` for each image that is completed
 * through the mount. Throws HostError.
 */
export type StartMount = (
  host: Host,
  side: 'proxy' | 'cache',
  socket: string,
  dialect: Descriptor['dialect'],
  onImage?: (written: WrittenImage) => void,
) => Promise<Mounted>

/** How long an unmount may take before it is forced, in ms. */
const STOP_TIMEOUT = 10_000

/** Mounts the images by a process `criu-remote mount` on the host. */
export const startMount: StartMount = async (host, side, socket, dialect, onImage) => {
  const directory = await host.directory()
  const command = ['mount', directory, `--${side}`, socket, '--dialect', dialect, '--report-images']
  const reports = readReports(`mounting on ${host.name}`, onImage)
  const mount = await host.start([...host.criuRemote, ...command], { onLine: reports.onLine })
  const early = mount.exited.then((completed) => {
    throw new HostError(`mounting on ${host.name}: ${describeEnd(completed)}`)
  })
  await Promise.race([reports.ready, early])
  return {
    directory,
    async stop() {
      await stopMount(host, mount, directory)
      reports.check()
    },
  }
}

/**
 * Reads the lines of `criu-remote mount`. A line that is not a report rejects `ready`; after the
 * mount is ready, `check` throws a HostError for it.
 */
function readReports(
  doing: string,
  onImage: Parameters<StartMount>[4],
): { ready: Promise<void>; onLine: (line: string) => void; check: () => void } {
  const ready = Promise.withResolvers<void>()
  ready.promise.catch(() => {}) // It may reject before the caller awaits it.
  let failure: HostError | undefined
  const parse = (line: string) => {
    try {
      return parseJson(report, line, 'reading a report')
    } catch (thrown) {
      failure = HostError.from(thrown, doing)
      ready.reject(failure)
      return undefined
    }
  }
  return {
    ready: ready.promise,
    onLine(line) {
      const read = parse(line)
      if (read === undefined) return
      if ('ready' in read) ready.resolve()
      else onImage?.(read)
    },
    check() {
      if (failure !== undefined) throw failure
    },
  }
}

/** Ends the mount by SIGTERM; forces the unmount after a deadline. Throws HostError. */
async function stopMount(host: Host, mount: HostProcess, directory: string): Promise<void> {
  await mount.kill('SIGTERM')
  const forced = setTimeout(() => void run(host, ['umount', '-f', '-l', directory]), STOP_TIMEOUT)
  const { code, stderr } = await mount.exited.finally(() => clearTimeout(forced))
  if (code !== 0)
    throw new HostError(`unmounting on ${host.name}: exit ${code}: ${lastLine(stderr)}`)
}
