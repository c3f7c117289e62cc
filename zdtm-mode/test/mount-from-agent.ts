import { type Host, HostError } from '../../harness/hosts/host.ts'
import type { StartMount } from '../../harness/migration/start-mount.ts'
import { deviceAt, type OpenDevice } from '../../harness/mount/device.ts'
import { deviceOn } from '../../harness/mount/guest-device.ts'
import { mountImages } from '../../harness/mount/mount.ts'
import type { GuestPort } from '../../harness/vm/qemu.ts'
import { createLog, type DialectName, dialect, dialectNames } from '../../reference/index.ts'

const log = createLog('warn', (line) => process.stderr.write(`mount ${line}\n`))

/**
 * Returns a function that mounts images from this process, which saves one Node for each side of
 * each test. On a host of this machine it mounts in the host's mount namespace; each mount then
 * holds a thread of libuv's pool (see harness/mount/device.ts), and the caller must not access the
 * mount with a synchronous call. On a host of a guest, `program`, harness/native/mount.c compiled,
 * mounts, with one of the ports to itself.
 */
export function mountBy(program: string, ports: GuestPort[]): StartMount {
  return async (host, side, server, name, onImage) => {
    checkDialect(name, host)
    const directory = await host.directory()
    const { device, release } = takeDevice(host, directory, program, ports)
    try {
      const session = await mountImages({
        device,
        server,
        side,
        dialect: dialect(name),
        log,
        onWritten: (image, bytes) => onImage?.({ image, bytes }),
      })
      return { directory, stop: () => session.unmount().finally(release) }
    } catch (thrown) {
      release()
      throw thrown
    }
  }
}

function checkDialect(name: string, host: Host): asserts name is DialectName {
  if (!(dialectNames as readonly string[]).includes(name))
    throw new HostError(
      `mounting on ${host.name}: expected a dialect of ${dialectNames.join(', ')}, got ${name}`,
    )
}

/** Returns the host's device and a function that gives the guest's port back. */
function takeDevice(
  host: Host,
  directory: string,
  program: string,
  ports: GuestPort[],
): { device: OpenDevice; release: () => void } {
  const init = host.procDirectory?.split('/').at(-1)
  if (init !== undefined)
    return { device: deviceAt(directory, ['nsenter', '-t', init, '-m', '--']), release() {} }
  const port = ports.pop()
  if (port === undefined)
    throw new HostError(`mounting on ${host.name}: expected a port of the guest, got none`)
  return { device: deviceOn(host, { program, port, directory }), release: () => ports.push(port) }
}
