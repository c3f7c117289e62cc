import { existsSync } from 'node:fs'
import { mkdtemp, writeFile } from 'node:fs/promises'
import { makeInitramfs, portNames } from './initramfs.ts'
import { findKernel } from './kernel.ts'
import type { Booted, VmOptions } from './options.ts'
import { bootGuest, type Guest, type GuestOptions } from './qemu.ts'

/*
 * A virtual machine for the one command that is run in it: the root tree of this host, a container, on another kernel.
 *
 * The host needs QEMU, virtiofsd, busybox and kmod. The guest boots in about 5 s without KVM, so it is meant to be booted once for
 * many tests. It ends with the command, and with this process.
 */

/** Where the host image has its kernel. */
export const IMAGE_KERNEL = '/opt/criu-remote-kernel'

/** Twenty times what a guest takes on an idle machine. */
const BOOT_DEADLINE = 150_000
/** Shorter: a KVM that works boots in a second or two, and one that hangs is to be given up soon. */
const KVM_DEADLINE = 15_000

/** A guest and the command that runs in it. */
export interface GuestProcess extends Guest {
  booted: Booted
}

/** Boots the kernel and starts the command on it. Throws HostError if the guest does not boot. */
export async function startGuest(
  { kernel, kvm, shares, ports = 0, command }: VmOptions,
  onOutput: GuestOptions['onOutput'],
): Promise<GuestProcess> {
  const work = await mkdtemp('/run/criu-remote-vm-')
  const found = await findKernel(kernel, work)
  const names = portNames(ports)
  const initramfs = await makeInitramfs(found, work, shares, names)
  await writeFile(`${work}/guest`, guestScript(command, found.tree))
  const options = { kernel: found, initramfs, work, ports: names, onOutput }
  if (!kvm || !existsSync('/dev/kvm'))
    return timed({ ...options, accelerator: 'tcg', deadline: BOOT_DEADLINE })
  try {
    return await timed({ ...options, accelerator: 'kvm', deadline: KVM_DEADLINE })
  } catch (thrown) {
    // Whether KVM works only a try can show.
    const guest = await timed({ ...options, accelerator: 'tcg', deadline: BOOT_DEADLINE })
    return { ...guest, booted: { ...guest.booted, kvmFailed: (thrown as Error).message } }
  }
}

async function timed(options: GuestOptions): Promise<GuestProcess> {
  const began = performance.now()
  const guest = await bootGuest(options)
  return {
    ...guest,
    booted: { accelerator: options.accelerator, boot: Math.round(performance.now() - began) },
  }
}

/**
 * Programs that a harness starts by the thousand. Without KVM one that is linked dynamically takes 25 ms to start, and busybox, which is not,
 * 10 ms, so these come first in PATH. None that CRIU or a test may need more of is among them.
 */
const QUICK = 'base64 cat chmod mkdir mkfifo rm sh timeout umount'

/** What the guest's first process runs in the root tree. It says when it is there, and the command's exit code. */
function guestScript(command: readonly string[], tree: string): string {
  const words = command.map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(' ')
  return `mkdir /run/quick && for each in ${QUICK}; do ln -s /bin/busybox /run/quick/$each; done
export PATH=/run/quick:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root
printf '#!/bin/sh\nexec /sbin/modprobe -d ${tree} "$@"\n' >/run/modprobe && chmod 755 /run/modprobe
echo /run/modprobe >/proc/sys/kernel/modprobe
echo up >&3
${words} </dev/guest-stdin >/dev/guest-stdout 2>/dev/guest-stderr 3>&-
echo "exit $?" >&3
exec /bin/busybox reboot -f
`
}
