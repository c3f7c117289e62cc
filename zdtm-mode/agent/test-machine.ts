import type { Connect } from '../../harness/hosts/connected.ts'
import { fileOn, type Host } from '../../harness/hosts/host.ts'
import { Init } from '../../harness/hosts/init.ts'
import { type Machine, machineOf } from '../../harness/hosts/machine.ts'
import { type GuestProcess, startGuest } from '../../harness/vm/guest.ts'
import type { Booted, VmOptions } from '../../harness/vm/options.ts'
import type { GuestPort } from '../../harness/vm/qemu.ts'
import { INIT } from '../plan.ts'

/*
 * What a run stands on: the machine whose kernel runs programs and CRIU. That is the agent's own, or a guest of it.
 *
 * In a guest there is nothing but programs, CRIU and small programs in C. Proxy, cache, mounts and all that looks on run
 * beside it, in the agent's container: where a processor is emulated, a Node takes ten times as long as all of CRIU.
 */

export interface Ground {
  machine: Machine
  /** The machine of the agent, which is the same without a guest. */
  here: Machine
  /** Whether CRIU may ask for the limits of another user's process; without, the programs run as root. */
  dumpsOtherUsers: boolean
  /** Why its kernel was tainted at the beginning, a number. */
  tainted: string
  /** Ports of the guest that are free. */
  ports: GuestPort[]
  /** How the guest came up, if it is one. */
  booted?: Booted
  /** Whether it was a guest that has ended, by a panic of its kernel for example. */
  hasEnded(): boolean
  stop(): Promise<void>
}

/** In a guest, if there are options for one, which runs `programs/init`. Throws HostError. */
export async function prepareGround(
  here: Machine,
  programs: string,
  guest?: Omit<VmOptions, 'command'>,
): Promise<Ground> {
  if (guest === undefined)
    return { ...(await groundOf(here)), here, ports: [], hasEnded: () => false, async stop() {} }
  const { connect, started } = connectGuest(guest)
  const init = await Init.start(connect, [`${programs}/${INIT}`])
  const { booted, ports } = await started
  let ended = false
  void init.ended.then(() => {
    ended = true
  })
  const ground = await groundOf(machineOf('the guest', init, false))
  return {
    ...ground,
    here,
    ports: [...ports],
    booted,
    hasEnded: () => ended,
    stop: () => init.stop(),
  }
}

function connectGuest(options: Omit<VmOptions, 'command'>): {
  connect: Connect
  started: Promise<GuestProcess>
} {
  const started = Promise.withResolvers<GuestProcess>()
  const connect: Connect = async (command, onOutput) => {
    let errors = ''
    const guest = await startGuest({ ...options, command }, (piece, stream) => {
      if (stream === 'stdout') onOutput(piece)
      else errors += piece
    })
    started.resolve(guest)
    const ended = guest.exited.then(
      (code) => `exit ${code}: ${errors.trim()}`,
      ({ message }: Error) => message,
    )
    return { pid: 0, write: guest.write, ended, kill: async () => guest.kill() }
  }
  return { connect, started: started.promise }
}

/** Why a kernel is tainted now, a number. */
export const taintOf = async (host: Host) =>
  String(await fileOn(host, '/proc/sys/kernel/tainted')).trim()

const CAP_SYS_RESOURCE = 24n

async function groundOf(
  machine: Machine,
): Promise<Pick<Ground, 'machine' | 'dumpsOtherUsers' | 'tainted'>> {
  const status = (await fileOn(machine.host, '/proc/self/status')) ?? Buffer.alloc(0)
  const capabilities = /^CapEff:\s*(\w+)/m.exec(status.toString())?.[1] ?? '0'
  const dumpsOtherUsers = ((BigInt(`0x${capabilities}`) >> CAP_SYS_RESOURCE) & 1n) === 1n
  return { machine, dumpsOtherUsers, tainted: await taintOf(machine.host) }
}
