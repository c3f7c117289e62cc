import { hostCommands } from './checkout.ts'
import { type Connect, connectHere } from './connected.ts'
import { type Host, output, thisKernel } from './host.ts'
import { ProcessStarter } from './process-starter.ts'

/** A running kernel in which namespace hosts are made: this process's kernel, or a guest's. */
export interface Machine {
  /** The machine's root, outside all hosts in it. Its `stop` ends them all. */
  host: Host
  connect: Connect
  /** Whether the machine's /proc is this process's /proc. */
  isHere: boolean
}

/**
 * Returns this machine. `program` (harness/native/init.c, compiled) starts its processes, because a
 * fork of a process as large as this one takes longer than most of the started programs run.
 */
export async function thisMachine(program: string): Promise<Machine> {
  return machineOf('this machine', await ProcessStarter.start(connectHere, [program]), true)
}

/** Returns the machine in which a process starter runs. */
export function machineOf(name: string, starter: ProcessStarter, isHere: boolean): Machine {
  const host: Host = {
    name,
    address: '127.0.0.1',
    ...hostCommands(process.execPath),
    kernel: isHere ? thisKernel : {},
    ownPids: false,
    start: (command, options) => starter.start(command, options),
    directory: async () => (await output(host, ['mktemp', '-d', '/run/criu-remote-XXXXXX'])).trim(),
    freePort: async () => 0,
    stop: () => starter.stop(),
  }
  return { host, connect: starter.connect, isHere }
}
