import { readFileSync } from 'node:fs'
import { hostCommands } from './checkout.ts'
import { type Host, output, shell } from './host.ts'
import { Init } from './init.ts'
import type { Machine } from './machine.ts'

/*
 * Hosts that are namespaces of a machine: pids, mounts, network, IPC and host name of their own.
 *
 * A test of zdtm mode gets one of them, or two that a cable (a veth pair) joins. They start in a fraction of a second and work
 * within a virtual machine as within a container; what they share is the file system, so that files that a process has open
 * are there at both ends of its migration. The process 1 of each starts what is to run there, and reaps what is orphaned, such as
 * a restored process; when it is killed the kernel kills everything in it. Needs root.
 */

/** Brings up what every process expects, and becomes that process 1. */
const SETUP = `
ip link set lo up
mount -t devpts -o newinstance,ptmxmode=0666,mode=0620 devpts /dev/pts
[ -L /dev/ptmx ] || mount --bind /dev/pts/ptmx /dev/ptmx
mount -t mqueue mqueue /dev/mqueue 2>/dev/null
mount -t binfmt_misc binfmt_misc /proc/sys/fs/binfmt_misc 2>/dev/null
exec "$1"`

const UNSHARE = [
  '--mount',
  '--propagation',
  'private',
  '--pid',
  '--mount-proc',
  '--net',
  '--ipc',
  '--uts',
  '--fork',
  '--kill-child',
]
const FIRST_PORT = 9996
/** Addresses of the two ends of the cable. */
const ADDRESSES = ['10.77.0.1', '10.77.0.2'] as const

export interface NamespaceOptions {
  machine: Machine
  count: 1 | 2
  /** Whether a network joins two, which it does unless this says no. */
  joined?: boolean
  /** Where they have their directories, visible also from outside. */
  directory: string
  /** Process 1: harness/native/init.c compiled. */
  init: string
}

/** One host, or two that a network joins. Throws HostError. */
export async function namespaceHosts({
  count,
  joined = true,
  ...options
}: NamespaceOptions): Promise<Host[]> {
  await output(options.machine.host, ['mkdir', '-p', options.directory])
  if (count === 1) return [(await namespaceHost('host', '127.0.0.1', options)).host]
  const [source, destination] = ADDRESSES
  const making = [
    namespaceHost('source', source, options),
    namespaceHost('destination', destination, options),
  ]
  try {
    const made = await Promise.all(making)
    if (joined) await join(options.machine.host, made)
    return made.map(({ host }) => host)
  } catch (thrown) {
    const made = await Promise.allSettled(making)
    await Promise.all(made.map((each) => each.status === 'fulfilled' && each.value.host.stop()))
    throw thrown
  }
}

async function namespaceHost(
  name: string,
  address: string,
  { machine, directory, init: program }: Omit<NamespaceOptions, 'count'>,
): Promise<{ host: Host; holder: number }> {
  const init = await Init.start(machine.connect, [
    'unshare',
    ...UNSHARE,
    'sh',
    '-c',
    SETUP,
    'sh',
    program,
  ])
  const { holder } = init
  let nextPort = FIRST_PORT
  let nextDirectory = 1
  const host: Host = {
    name,
    address,
    ...hostCommands(process.execPath),
    kernel: machine.host.kernel,
    ownPids: true,
    ...(machine.isHere && {
      procDirectory: `/proc/${Number(readFileSync(`/proc/${holder}/task/${holder}/children`, 'utf8'))}`,
    }),
    start: (command, options) => init.start(command, options),
    async directory() {
      const made = `${directory}/${name}-${nextDirectory++}`
      await output(host, ['mkdir', made])
      return made
    },
    freePort: async () => nextPort++,
    stop: () => init.stop(),
  }
  return { host, holder }
}

/** With the parents of both processes 1. */
const JOIN = `
end() { echo "netns $(cat "/proc/$1/task/$1/children") name cable"; }
ip link add $(end "$1") type veth peer $(end "$2")`
const BRING_UP = 'ip address add "$1" dev cable && ip link set cable up'

async function join(machine: Host, made: readonly { host: Host; holder: number }[]): Promise<void> {
  await shell(
    machine,
    JOIN,
    made.map(({ holder }) => String(holder)),
  )
  await Promise.all(made.map(({ host }) => shell(host, BRING_UP, [`${host.address}/24`])))
}
