import { checkout } from '../hosts/checkout.ts'
import { type Completed, type Host, HostError, lastLine } from '../hosts/host.ts'
import { kvmIsKnownToFail, rememberKvmFails } from './known-kvm.ts'
import { type Booted, NO_GUEST, type VmOptions } from './options.ts'

/* A virtual machine within a host, for the one command that is run in it: see guest.ts. It ends with the command, and with the host. */

export interface VmProcess {
  booted: Booted
  /** Resolves at the end of the command and the guest; rejects with HostError if the guest ended without an exit code. */
  exited: Promise<Completed>
}

/** Boots the kernel and starts a command on it. Throws HostError if the guest does not boot. */
export async function startInVm(
  host: Host,
  { kernel, shares, command }: Omit<VmOptions, 'kvm'>,
  onLine?: (line: string) => void,
): Promise<VmProcess> {
  const first = Promise.withResolvers<Booted>()
  let booted: Booted | undefined
  const options: VmOptions = { kernel, shares, command, kvm: !kvmIsKnownToFail() }
  const started = await host.start(
    [...host.node, `${checkout}/harness/vm/run-in-guest.ts`, JSON.stringify(options)],
    {
      onLine(line) {
        if (booted !== undefined) return onLine?.(line)
        booted = JSON.parse(line) as Booted
        first.resolve(booted)
      },
    },
  )
  const exited = started.exited.then((completed) => {
    if (completed.code === NO_GUEST) throw new HostError(lastLine(completed.stderr))
    return completed
  })
  const early = exited.then(({ code, stderr }) => {
    throw new HostError(
      `booting kernel ${kernel} in ${host.name}: exit ${code}: ${lastLine(stderr)}`,
    )
  })
  early.catch(() => {})
  const { kvmFailed } = await Promise.race([first.promise, early])
  if (kvmFailed !== undefined) rememberKvmFails()
  return { booted: await first.promise, exited }
}
