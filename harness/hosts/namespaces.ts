import { readFileSync } from 'node:fs'
import { mkdir, mkdtemp } from 'node:fs/promises'
import { execa } from 'execa'
import { checkout, daemonCommand } from './checkout.ts'
import { type Host, HostError, shell } from './host.ts'
import { Init } from './init.ts'

/*
 * Hosts that are namespaces of this machine: pids, mounts, network, IPC and host name of their own.
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

const UNSHARE = ['--mount', '--propagation', 'private', '--pid', '--mount-proc', '--net', '--ipc', '--uts', '--fork', '--kill-child']
const FIRST_PORT = 9996
/** Addresses of the two ends of the cable. */
const ADDRESSES = ['10.77.0.1', '10.77.0.2'] as const

/** The source of their process 1, to be compiled for `namespaceHosts`. */
export const INIT_SOURCE = `${checkout}/fixtures/programs/init.c`

export interface NamespaceOptions {
  count: 1 | 2
  /** Where they have their directories, visible also from outside. */
  directory: string
  /** The compiled process 1. */
  init: string
}

/** One host, or two that a network joins. Throws HostError. */
export async function namespaceHosts({ count, directory, init }: NamespaceOptions): Promise<Host[]> {
  await mkdir(directory, { recursive: true })
  if (count === 1) return [(await namespaceHost('host', '127.0.0.1', directory, init)).host]
  const [source, destination] = ADDRESSES
  const making = [namespaceHost('source', source, directory, init), namespaceHost('destination', destination, directory, init)]
  try {
    const made = await Promise.all(making)
    await join(made.map(({ pid }) => pid) as [number, number])
    const hosts = made.map(({ host }) => host)
    await Promise.all(hosts.map((host) => shell(host, BRING_UP, [`${host.address}/24`])))
    return hosts
  } catch (thrown) {
    const made = await Promise.allSettled(making)
    await Promise.all(made.map((each) => each.status === 'fulfilled' && each.value.host.stop()))
    throw thrown
  }
}

async function namespaceHost(name: string, address: string, directory: string, program: string): Promise<{ host: Host; pid: number }> {
  const init = new Init(['unshare', ...UNSHARE, 'sh', '-c', SETUP, 'sh', program])
  await init.ready
  const pid = Number(readFileSync(`/proc/${init.holder}/task/${init.holder}/children`, 'utf8'))
  let nextPort = FIRST_PORT
  const host: Host = {
    name,
    address,
    criuRemote: daemonCommand(process.execPath),
    ownPids: true,
    procDirectory: `/proc/${pid}`,
    start: (command, options) => init.start(command, options),
    directory: () => mkdtemp(`${directory}/${name}-`),
    freePort: async () => nextPort++,
    stop: () => init.stop(),
  }
  return { host, pid }
}

const BRING_UP = 'ip address add "$1" dev cable && ip link set cable up'

async function join([source, destination]: readonly [number, number]): Promise<void> {
  const end = (pid: number) => ['netns', String(pid), 'name', 'cable']
  try {
    await execa('ip', ['link', 'add', ...end(source), 'type', 'veth', 'peer', ...end(destination)])
  } catch (thrown) {
    throw HostError.from(thrown, 'joining two hosts by a network')
  }
}
