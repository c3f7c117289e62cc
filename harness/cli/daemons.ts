import { type Command, Option } from 'commander'
import {
  createLog,
  type DialectName,
  dialectNames,
  type LinkEnd,
  type LogLevel,
  logLevels,
  startCache,
  startProxy,
} from '../../reference/index.ts'
import { printableLine } from '../printable.ts'
import { Failure, fail } from './failure.ts'
import { onEndingSignal } from './signals.ts'
import { address, size, whole } from './values.ts'

/* `criu-remote proxy` and `criu-remote cache`: run the reference. */

interface DaemonFlags {
  socket: string
  connect?: { host: string; port: number }
  listen?: { host: string; port: number }
  inheritFd?: number
  dialect: DialectName
  maxMemory?: number
  logLevel: LogLevel
}

/** Adds the commands `proxy` and `cache`. */
export function addDaemons(program: Command): void {
  const proxy = program
    .command('proxy')
    .summary('run the reference image proxy')
    .description(
      'Runs the reference image proxy, on the host of the process to dump. CRIU writes its images to the UNIX socket. The proxy keeps them in memory and forwards them to the cache.',
    )
    .addOption(
      new Option('--connect <host:port>', 'address of the cache')
        .argParser(address)
        .conflicts('inheritFd'),
    )
  withCommonOptions(proxy, 'img-proxy.sock').action((flags: DaemonFlags) =>
    serve('proxy', flags, linkOf(flags, flags.connect, '--connect')),
  )

  const cache = program
    .command('cache')
    .summary('run the reference image cache')
    .description(
      'Runs the reference image cache, on the host where the process is restored. The cache receives images from one proxy and serves them to CRIU from memory.',
    )
    .addOption(
      new Option(
        '--listen <host:port>',
        'address on which to listen for the proxy; port 0 takes a free port',
      )
        .argParser(address)
        .default({ host: '127.0.0.1', port: 9996 }, '127.0.0.1:9996'),
    )
  withCommonOptions(cache, 'img-cache.sock').action((flags: DaemonFlags) =>
    serve('cache', flags, linkOf(flags, flags.listen, '--listen')),
  )
}

function withCommonOptions(command: Command, socket: string): Command {
  return command
    .option('--socket <path>', 'UNIX socket to listen on, mode 0600', socket)
    .addOption(
      new Option(
        '--inherit-fd <fd>',
        'use this open file descriptor as the connection between proxy and cache',
      ).argParser(whole(0)),
    )
    .addOption(
      new Option('--dialect <name>', 'version of the CRIU that connects; auto recognizes it')
        .choices(dialectNames)
        .default('auto'),
    )
    .addOption(
      new Option(
        '--max-memory <bytes>',
        'limit of the memory of all images, with K, M, G or T (default: none)',
      ).argParser(size),
    )
    .addOption(
      new Option('--log-level <level>', 'least severe messages to log on standard error')
        .choices(logLevels)
        .default('warn'),
    )
    .addHelpText(
      'after',
      '\nPrints one line of JSON when it is ready. Exit codes: 0 after a clean end, 1 after any other end, 2 wrong usage, 3 it did not start.',
    )
}

/** Returns the link that the options name. Throws Failure if they name none. */
function linkOf({ inheritFd }: DaemonFlags, place: LinkEnd | undefined, option: string): LinkEnd {
  if (inheritFd !== undefined) return { fd: inheritFd }
  if (place === undefined) throw new Failure(2, `expected ${option} HOST:PORT or --inherit-fd N`)
  return place
}

/** Runs a daemon until it ends. Throws Failure unless its end is clean. */
async function serve(
  role: 'proxy' | 'cache',
  { socket, dialect, maxMemory, logLevel }: DaemonFlags,
  link: LinkEnd,
): Promise<void> {
  const log = createLog(logLevel, (line) =>
    process.stderr.write(`${role} ${printableLine(line)}\n`),
  )
  const options = { socket, link, dialect, log, ...(maxMemory !== undefined && { maxMemory }) }
  const daemon = await (role === 'proxy' ? startProxy(options) : startCache(options)).catch(fail(3))
  onEndingSignal((signal) => void daemon.stop(`ended by ${signal}`))
  process.stdout.write(
    `${JSON.stringify({ ready: true, role, socket, ...daemon.address, pid: process.pid })}\n`,
  )
  await daemon.finished.catch(fail(1))
}
