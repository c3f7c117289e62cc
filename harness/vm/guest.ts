import { existsSync } from 'node:fs'
import { mkdtemp, writeFile } from 'node:fs/promises'
import { makeInitramfs, portNames } from './initramfs.ts'
import { findKernel } from './kernel.ts'
import type { Booted, VmOptions } from './options.ts'
import { bootGuest, type Guest, type GuestOptions } from './qemu.ts'

/*
 * A guest for one command: the root tree of this host, a container, on another kernel.
 *
 * The host needs QEMU, virtiofsd, busybox and kmod. The guest boots in about 5 s without KVM, so
 * one guest should serve many tests. The guest ends with the command, and with this process.
 */

/** Path of the kernel in the host image. */
export const IMAGE_KERNEL = '/opt/criu-remote-kernel'

/** How long a guest may take to boot, in ms: twenty times its boot time on an idle machine. */
const BOOT_DEADLINE = 150_000
/**
 * The same with KVM, in ms. It is shorter: a working KVM boots in two seconds, a broken one hangs.
 */
const KVM_DEADLINE = 15_000

/** A guest and the command that runs in the guest. */
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
    return bootAndTime({ ...options, accelerator: 'tcg', deadline: BOOT_DEADLINE })
  try {
    return await bootAndTime({ ...options, accelerator: 'kvm', deadline: KVM_DEADLINE })
  } catch (thrown) {
    // /dev/kvm can exist and not work: only an attempt shows that.
    const guest = await bootAndTime({ ...options, accelerator: 'tcg', deadline: BOOT_DEADLINE })
    return { ...guest, booted: { ...guest.booted, kvmFailed: (thrown as Error).message } }
  }
}

async function bootAndTime(options: GuestOptions): Promise<GuestProcess> {
  const began = performance.now()
  const guest = await bootGuest(options)
  return {
    ...guest,
    booted: { accelerator: options.accelerator, boot: Math.round(performance.now() - began) },
  }
}

/**
 * Programs that the harness starts thousands of times. Without KVM a dynamically linked program
 * takes 25 ms to start, and busybox, which is static, takes 10 ms, so busybox's versions come first
 * in PATH. The list has no program of which CRIU or a test needs more features than busybox has.
 */
const QUICK = 'base64 cat chmod mkdir mkfifo rm sh timeout umount'

/**
 * Returns the shell script of the guest's first process in the root tree. The script reports `up`,
 * then the command's exit code.
 */
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
