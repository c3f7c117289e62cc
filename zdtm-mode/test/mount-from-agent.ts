import { HostError } from '../../harness/hosts/host.ts'
import type { StartMount } from '../../harness/migration/start-mount.ts'
import { deviceAt } from '../../harness/mount/device.ts'
import { deviceOn } from '../../harness/mount/guest-device.ts'
import { mountImages } from '../../harness/mount/mount.ts'
import type { GuestPort } from '../../harness/vm/qemu.ts'
import { createLog, type DialectName, dialect, dialectNames } from '../../reference/index.ts'

const log = createLog('warn', (line) => process.stderr.write(`mount ${line}\n`))

/**
 * A mount that this process serves: a Node less to start for each side of each test. In a host of this machine it is made in the host's
 * mount namespace; each then holds a thread of libuv's pool (see harness/mount/device.ts), and whoever calls this must not access the mount with a
 * synchronous call. In a host of a guest it is made by `program`, harness/native/mount.c compiled, and has a port for itself.
 */
export function mountBy(program: string, ports: GuestPort[]): StartMount {
  return async (host, side, server, name, onImage) => {
    if (!isSpoken(name))
      throw new HostError(
        `mounting on ${host.name}: expected a dialect of ${dialectNames.join(', ')}, got ${name}`,
      )
    const directory = await host.directory()
    const init = host.procDirectory?.split('/').at(-1)
    const port = init === undefined ? ports.pop() : undefined
    if (init === undefined && port === undefined)
      throw new HostError(`mounting on ${host.name}: expected a port of the guest, got none`)
    const device = port
      ? deviceOn(host, { program, port, directory })
      : deviceAt(directory, ['nsenter', '-t', String(init), '-m', '--'])
    const onWritten = (image: string, bytes: number) => onImage?.({ image, bytes })
    const release = () => {
      if (port !== undefined) ports.push(port)
    }
    try {
      const session = await mountImages({
        device,
        server,
        side,
        dialect: dialect(name),
        log,
        onWritten,
      })
      return { directory, stop: () => session.unmount().finally(release) }
    } catch (thrown) {
      release()
      throw thrown
    }
  }
}

const isSpoken = (name: string): name is DialectName =>
  (dialectNames as readonly string[]).includes(name)
