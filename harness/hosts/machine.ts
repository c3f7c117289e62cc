import { type Connect, connectHere } from './connected.ts'
import type { Host } from './host.ts'
import { localHost } from './local.ts'

/** A running kernel in which hosts of namespaces can be made: that of this process, or a virtual machine's. */
export interface Machine {
  /** Its root, outside of all hosts that are made in it. */
  host: Host
  connect: Connect
  /** Whether its /proc is this process's. */
  isHere: boolean
}

export function thisMachine(): Machine {
  return { host: localHost(), connect: connectHere, isHere: true }
}
