import { readFileSync } from 'node:fs'
import { hostCommands } from './checkout.ts'
import { type Host, output, shell } from './host.ts'
import type { Machine } from './machine.ts'
import { ProcessStarter } from './process-starter.ts'

/*
 * Hosts that are namespaces of a machine: each has its own pids, mounts, network, IPC and host
 * name.
 *
 * A test of zdtm mode gets one host, or two that a cable (a veth pair) joins. These hosts start in
 * a fraction of a second, inside a guest as well as in a container. They share the file system, so
 * a file that a process has open exists at both ends of its migration. Process 1 of a host
 * (harness/native/init.c) starts the host's processes and reaps orphans, for example a restored
 * process. When process 1 is killed, the kernel kills every process of the host. Needs root.
 */

/** Mounts the file systems that processes expect, then becomes process 1. */
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
/** Addresses of the cable's two ends. */
const ADDRESSES = ['10.77.0.1', '10.77.0.2'] as const

export interface NamespaceOptions {
  machine: Machine
  count: 1 | 2
  /** Whether a cable joins the two hosts; true by default. */
  joined?: boolean
  /** Parent of the hosts' directories, visible from outside as well. */
  directory: string
  /** Path of the program of process 1: harness/native/init.c, compiled. */
  init: string
}

/** Starts one host, or two that a cable joins. Throws HostError. */
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
    if (joined) await joinByCable(options.machine.host, made)
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
  const command = ['unshare', ...UNSHARE, 'sh', '-c', SETUP, 'sh', program]
  const starter = await ProcessStarter.start(machine.connect, command)
  const { holder } = starter
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
    start: (command, options) => starter.start(command, options),
    async directory() {
      const made = `${directory}/${name}-${nextDirectory++}`
      await output(host, ['mkdir', made])
      return made
    },
    freePort: async () => nextPort++,
    stop: () => starter.stop(),
  }
  return { host, holder }
}

/**
 * Joins two network namespaces by a veth pair. $1 and $2: pids of the parents of both processes 1.
 */
const JOIN = `
end() { echo "netns $(cat "/proc/$1/task/$1/children") name cable"; }
ip link add $(end "$1") type veth peer $(end "$2")`
const BRING_UP = 'ip address add "$1" dev cable && ip link set cable up'

async function joinByCable(
  machine: Host,
  made: readonly { host: Host; holder: number }[],
): Promise<void> {
  await shell(
    machine,
    JOIN,
    made.map(({ holder }) => String(holder)),
  )
  await Promise.all(made.map(({ host }) => shell(host, BRING_UP, [`${host.address}/24`])))
}
