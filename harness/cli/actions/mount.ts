import { createLog, type DialectName, dialect, type LogLevel } from '../../../reference/index.ts'
import { deviceAt } from '../../mount/device.ts'
import { mountImages } from '../../mount/mount.ts'
import { printableLine } from '../../printable.ts'
import { Failure, fail } from '../failure.ts'
import { endingSignals } from '../signals.ts'

/* `criu-remote mount`: serves a mount until it is unmounted. */

export interface MountFlags {
  proxy?: string
  cache?: string
  dialect: DialectName
  logLevel: LogLevel
  reportImages?: true
}

export async function mount(directory: string, flags: MountFlags): Promise<void> {
  const { proxy, cache, dialect: name, logLevel, reportImages } = flags
  const server = proxy ?? cache
  if (server === undefined) throw new Failure(2, 'expected --proxy SOCKET or --cache SOCKET')
  const session = await mountImages({
    device: deviceAt(directory),
    server,
    side: proxy === undefined ? 'cache' : 'proxy',
    dialect: dialect(name),
    log: createLog(logLevel, (line) => process.stderr.write(`mount ${printableLine(line)}\n`)),
    onWritten: reportImages ? (image, bytes) => print({ image, bytes }) : () => {},
  }).catch(fail(3))
  for (const signal of endingSignals) process.on(signal, () => void session.unmount())
  process.on('uncaughtException', dieAtOnce)
  print({ ready: true, directory })
  await session.closed.catch(fail(1))
}

/** Ends this process by SIGKILL: an exit waits for the read of /dev/fuse. The watchdog unmounts. */
function dieAtOnce(error: Error): void {
  process.stderr.write(`criu-remote: ${error.stack}\n`)
  process.kill(process.pid, 'SIGKILL')
}

function print(value: object): void {
  process.stdout.write(`${JSON.stringify(value)}\n`)
}
