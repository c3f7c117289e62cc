import { HostError } from '../harness/hosts/host.ts'
import type { StartMount } from '../harness/migration/mounted.ts'
import { mountImages } from '../harness/mount/mount.ts'
import { createLog, type DialectName, dialect, dialectNames } from '../reference/index.ts'

const log = createLog('warn', (line) => process.stderr.write(`mount ${line}\n`))

/**
 * A mount that this process serves, in the mount namespace of the host: a Node less to start for each side of each test. Each holds a
 * thread of libuv's pool (see harness/mount/device.ts), and whoever calls this must not access the mount with a synchronous call.
 */
export const mountHere: StartMount = async (host, side, server, name, onImage) => {
  if (!isSpoken(name)) throw new HostError(`mounting on ${host.name}: expected a dialect of ${dialectNames.join(', ')}, got ${name}`)
  const directory = await host.directory()
  const init = host.procDirectory?.split('/').at(-1) as string
  const onWritten = (image: string, bytes: number) => onImage?.({ image, bytes })
  const inside = ['nsenter', '-t', init, '-m', '--']
  const session = await mountImages({ directory, server, side, dialect: dialect(name), log, onWritten, inside })
  return { directory, stop: () => session.unmount() }
}

const isSpoken = (name: string): name is DialectName => (dialectNames as readonly string[]).includes(name)
