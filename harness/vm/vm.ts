import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { cacheDirectory, checkout } from '../hosts/checkout.ts'
import { type Completed, type Host, HostError, lastLine } from '../hosts/host.ts'
import { type Booted, NO_GUEST, type VmOptions } from './options.ts'

/*
 * A virtual machine within a host, for the one command that is run in it: the host's root tree on another kernel.
 *
 * The host needs QEMU, virtiofsd, busybox and kmod. The guest boots in about 5 s without KVM, so it is meant to be booted once for
 * many tests. It ends with the command, and with the host. A KVM that hangs costs its deadline; that is remembered
 * until this machine boots again.
 */

/** Where the host image has its kernel. */
export const IMAGE_KERNEL = '/opt/criu-remote-kernel'

const KVM_MARK = `${cacheDirectory}/no-kvm`

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
  const started = await host.start([...host.criuRemote.slice(0, -1), `${checkout}/harness/vm/main.ts`, JSON.stringify(options)], {
    onLine(line) {
      if (booted !== undefined) return onLine?.(line)
      booted = JSON.parse(line) as Booted
      first.resolve(booted)
    },
  })
  const exited = started.exited.then((completed) => {
    if (completed.code === NO_GUEST) throw new HostError(lastLine(completed.stderr))
    return completed
  })
  const early = exited.then(({ code, stderr }) => {
    throw new HostError(`booting kernel ${kernel} in ${host.name}: exit ${code}: ${lastLine(stderr)}`)
  })
  early.catch(() => {})
  const { kvmFailed } = await Promise.race([first.promise, early])
  if (kvmFailed !== undefined) rememberKvmFails()
  return { booted: await first.promise, exited }
}

const bootId = () => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8')

const kvmIsKnownToFail = () => existsSync(KVM_MARK) && readFileSync(KVM_MARK, 'utf8') === bootId()

function rememberKvmFails(): void {
  mkdirSync(dirname(KVM_MARK), { recursive: true })
  writeFileSync(KVM_MARK, bootId())
}
