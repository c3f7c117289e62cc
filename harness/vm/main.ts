import { existsSync } from 'node:fs'
import { mkdtemp, writeFile } from 'node:fs/promises'
import { type Bundled, bundle } from '../hosts/bundle.ts'
import { makeInitramfs } from './initramfs.ts'
import { findKernel } from './kernel.ts'
import { type Booted, NO_GUEST, type VmOptions } from './options.ts'
import { bootGuest, type Guest, type GuestOptions } from './qemu.ts'

/*
 * Runs in the host, a container: boots a guest and runs a command in it, with its output and its exit code as if it ran here. The first
 * line is a Booted. Exit 125 with a reason of one line is a guest that could not be booted, or that died.
 */

/** Twenty times what a guest takes on an idle machine. */
const BOOT_DEADLINE = 150_000
/** Shorter: a KVM that works boots in a second or two, and one that hangs is to be given up soon. */
const KVM_DEADLINE = 15_000

async function main({ kernel, kvm, shares, command }: VmOptions): Promise<number> {
  const work = await mkdtemp('/run/criu-remote-vm-')
  const found = await findKernel(kernel, work)
  const [initramfs, bundled] = await Promise.all([makeInitramfs(found, work, shares), bundle(command, `${work}/bundle`)])
  await writeFile(`${work}/guest`, guestScript(bundled, found.tree))
  const { guest, ...booted } = await boot(kvm, { kernel: found, initramfs, work, onOutput: pass })
  pass(`${JSON.stringify(booted satisfies Booted)}\n`, 'stdout')
  return guest.exited
}

type Given = Omit<GuestOptions, 'accelerator' | 'deadline'>

/** With KVM where it works, which only a try can show, else with TCG. */
async function boot(kvm: boolean, options: Given): Promise<Booted & { guest: Guest }> {
  if (!kvm || !existsSync('/dev/kvm')) return timed({ ...options, accelerator: 'tcg', deadline: BOOT_DEADLINE })
  try {
    return await timed({ ...options, accelerator: 'kvm', deadline: KVM_DEADLINE })
  } catch (thrown) {
    const tcg = await timed({ ...options, accelerator: 'tcg', deadline: BOOT_DEADLINE })
    return { ...tcg, kvmFailed: (thrown as Error).message }
  }
}

async function timed(options: GuestOptions): Promise<Booted & { guest: Guest }> {
  const began = performance.now()
  const guest = await bootGuest(options)
  return { guest, accelerator: options.accelerator, boot: Math.round(performance.now() - began) }
}

/** What the guest's first process runs in the root tree. It says when it is there, and the command's exit code. */
function guestScript({ command, environment }: Bundled, tree: string): string {
  const variables = Object.entries(environment).map(([name, value]) => `${name}=${value}`)
  const words = command.map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(' ')
  return `export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root ${variables.join(' ')}
printf '#!/bin/sh\nexec /sbin/modprobe -d ${tree} "$@"\n' >/run/modprobe && chmod 755 /run/modprobe
echo /run/modprobe >/proc/sys/kernel/modprobe
echo up >&3
${words} >/dev/guest-stdout 2>/dev/guest-stderr 3>&-
echo "exit $?" >&3
exec /bin/busybox reboot -f
`
}

function pass(piece: Buffer | string, stream: 'stdout' | 'stderr'): void {
  process[stream].write(piece)
}

const [options] = process.argv.slice(2)
process.exitCode = await main(JSON.parse(options as string) as VmOptions).catch((thrown: Error) => {
  pass(`${thrown.message}\n`, 'stderr')
  return NO_GUEST
})
