import { breakpointsFire } from '../../harness/criu/breakpoints.ts'
import { fileOn, type Host } from '../../harness/hosts/host.ts'
import { type Machine, machineOf } from '../../harness/hosts/machine.ts'
import { ProcessStarter } from '../../harness/hosts/process-starter.ts'
import type { Booted, VmOptions } from '../../harness/vm/options.ts'
import type { GuestPort } from '../../harness/vm/qemu.ts'
import { BREAKPOINT, INIT } from '../plan.ts'
import { connectGuest } from './connect-guest.ts'

/*
 * The machine whose kernel runs the tests: the agent's own, or a guest of it.
 *
 * In a guest run only test programs, CRIU and small programs in C. Proxy, cache, mounts and checks
 * run beside the guest, in the agent's container: with an emulated processor, starting one Node
 * takes ten times as long as all of CRIU.
 */

export interface TestMachine {
  machine: Machine
  /** The machine of the agent; the same as `machine` without a guest. */
  here: Machine
  /**
   * Whether CRIU may read the limits of another user's process; if not, the programs run as root.
   */
  dumpsOtherUsers: boolean
  /**
   * Whether CRIU steps to the end of its parasite and uses no hardware breakpoint. On an emulated
   * processor (TCG), CRIU 4.1.1 once waited for ever at the breakpoint, in one of 300 migrations.
   */
  criuSteps: boolean
  /** The kernel's taint flags before the first test, a number. */
  tainted: string
  /** Free ports of the guest. */
  ports: GuestPort[]
  /** How the guest booted, if the machine is one. */
  booted?: Booted
  /** Whether the machine is a guest that has ended, for example by a panic of its kernel. */
  hasEnded(): boolean
  stop(): Promise<void>
}

/** Prepares a guest if there are options for one, else this machine. Throws HostError. */
export async function prepareTestMachine(
  here: Machine,
  programs: string,
  guest?: Omit<VmOptions, 'command'>,
): Promise<TestMachine> {
  if (guest === undefined) return thisTestMachine(here, programs)
  const { connect, started } = connectGuest(guest)
  const starter = await ProcessStarter.start(connect, [`${programs}/${INIT}`])
  const { booted, ports } = await started
  let ended = false
  void starter.ended.then(() => {
    ended = true
  })
  return {
    ...(await factsAbout(machineOf('the guest', starter, false), programs)),
    here,
    criuSteps: booted.accelerator === 'tcg',
    ports: [...ports],
    booted,
    hasEnded: () => ended,
    stop: () => starter.stop(),
  }
}

async function thisTestMachine(here: Machine, programs: string): Promise<TestMachine> {
  return {
    ...(await factsAbout(here, programs)),
    here,
    criuSteps: false,
    ports: [],
    hasEnded: () => false,
    async stop() {},
  }
}

/** Returns the kernel's taint flags, a number. */
export const taintOf = async (host: Host) =>
  String(await fileOn(host, '/proc/sys/kernel/tainted')).trim()

/** The number of the capability's bit in CapEff. */
const CAP_SYS_RESOURCE = 24n

async function factsAbout(machine: Machine, programs: string) {
  // With the compiled program: without it, the first criu would run a compiler on the machine.
  await breakpointsFire(machine.host, `${programs}/${BREAKPOINT}`)
  const status = (await fileOn(machine.host, '/proc/self/status')) ?? Buffer.alloc(0)
  const capabilities = /^CapEff:\s*(\w+)/m.exec(status.toString())?.[1] ?? '0'
  const dumpsOtherUsers = ((BigInt(`0x${capabilities}`) >> CAP_SYS_RESOURCE) & 1n) === 1n
  return { machine, dumpsOtherUsers, tainted: await taintOf(machine.host) }
}
