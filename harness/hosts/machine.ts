import { hostCommands } from './checkout.ts'
import { type Connect, connectHere } from './connected.ts'
import { type Host, output, thisKernel } from './host.ts'
import { Init } from './init.ts'

/** A running kernel in which hosts of namespaces can be made: that of this process, or a virtual machine's. */
export interface Machine {
  /** Its root, outside of all hosts that are made in it. Its end is the end of them all. */
  host: Host
  connect: Connect
  /** Whether its /proc is this process's. */
  isHere: boolean
}

/**
 * This machine, where processes are started by `program`, harness/native/init.c compiled: to fork a process as large as this one
 * takes longer than most of what is started.
 */
export async function thisMachine(program: string): Promise<Machine> {
  return machineOf('this machine', await Init.start(connectHere, [program]), true)
}

/** The machine in which that process is. */
export function machineOf(name: string, init: Init, isHere: boolean): Machine {
  const host: Host = {
    name,
    address: '127.0.0.1',
    ...hostCommands(process.execPath),
    kernel: isHere ? thisKernel : {},
    ownPids: false,
    start: (command, options) => init.start(command, options),
    directory: async () => (await output(host, ['mktemp', '-d', '/run/criu-remote-XXXXXX'])).trim(),
    freePort: async () => 0,
    stop: () => init.stop(),
  }
  return { host, connect: init.connect, isHere }
}
