import { execFileSync } from 'node:child_process'
import { HostError } from '../hosts/host.ts'
import { textOf } from '../hosts/process-tree.ts'
import type { Descriptor } from '../implementation/descriptor.ts'

/*
 * The surroundings of a daemon under test. Each is made by a command that becomes the daemon, so
 * the pid stays that of the process that the suite started.
 *
 * Memory is not limited. RLIMIT_AS counts addresses, of which a garbage-collected runtime reserves
 * gigabytes without use, and RLIMIT_RSS has no effect. The number of processes is not limited
 * either: RLIMIT_NPROC counts all processes of a user, and none for root.
 */

export interface Limits {
  /** Open files: RLIMIT_NOFILE, soft and hard. */
  descriptors: number
}

export interface Surroundings {
  limits?: Limits
  /** Whether the daemon has a /dev/shm of its own, in a mount namespace. */
  ownSharedMemory?: boolean
  /** The processor on which the daemon runs; any unless given. */
  processor?: number
  /** The seed of random stops; none unless given. */
  seed?: number
}

/** Niceness of a daemon that has one processor: other work of the machine comes first. */
const NICENESS = '5'

/** The command that gives its process a /dev/shm of its own and becomes the rest of its words. */
const OWN_SHARED_MEMORY = [
  ...['unshare', '--mount', 'sh', '-c'],
  ...['mount -t tmpfs -o size=1g criu-remote /dev/shm && exec "$@"', 'sh'],
]

let makesSharedMemory: boolean | undefined

/** Returns whether this machine lets the suite make a /dev/shm for one process. */
export function canMakeSharedMemory(): boolean {
  makesSharedMemory ??= isDone([...OWN_SHARED_MEMORY, 'true'])
  return makesSharedMemory
}

/** Returns the number of the last processor on which this process may run. */
export function lastProcessor(): number {
  const [, list = '0'] = /^Cpus_allowed_list:\s+(\S+)/m.exec(textOf('/proc/self/status')) ?? []
  return Number(list.split(/[,-]/).at(-1))
}

/** Throws HostError if this machine cannot run a daemon on one processor. */
export function checkPressure(): void {
  if (!isDone([...onProcessor(lastProcessor()), 'true']))
    throw new HostError('preparing a run under pressure: expected the commands taskset and nice')
}

const onProcessor = (processor: number) => ['taskset', '-c', `${processor}`, 'nice', '-n', NICENESS]

/** Returns the descriptor with the commands that make these surroundings before its daemon. */
export function surround(
  descriptor: Descriptor,
  role: 'proxy' | 'cache',
  { limits, ownSharedMemory, processor }: Surroundings,
): Descriptor {
  const description = descriptor[role]
  if (description === undefined) return descriptor
  const before = [
    ...(processor === undefined ? [] : onProcessor(processor)),
    ...(ownSharedMemory && canMakeSharedMemory() ? OWN_SHARED_MEMORY : []),
    ...(limits ? ['sh', '-c', `ulimit -n ${limits.descriptors} && exec "$@"`, 'sh'] : []),
  ]
  return { ...descriptor, [role]: { ...description, command: [...before, ...description.command] } }
}

function isDone([file = '', ...parameters]: readonly string[]): boolean {
  try {
    execFileSync(file, parameters, { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}
