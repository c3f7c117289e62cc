import { chmod, copyFile, mkdir, writeFile } from 'node:fs/promises'
import { basename } from 'node:path'
import { execa } from 'execa'
import { checkout } from '../hosts/checkout.ts'
import { HostError } from '../hosts/host.ts'
import type { Kernel } from './kernel.ts'

/*
 * The guest's first file system: busybox, modules, and an /init that switches to the host's root
 * tree.
 *
 * The guest mounts the root tree by virtiofs, so no image of it is made. Writes go to tmpfs, in the
 * guest as in the container. This file unpacks the modules and orders them by their dependencies,
 * so the guest spends no time on either. If the kernel asks for another module, `modprobe` loads it
 * from the kernel's tree.
 */

/** Modules for the root tree and the ports; for the start of CRIU; for tests and daemons. */
const MODULES = `virtio_pci virtio_console virtiofs
 unix_diag tcp_diag udp_diag raw_diag inet_diag netlink_diag af_packet_diag nf_tables
 fuse veth tun overlay binfmt_misc`.split(/\s+/)

/**
 * Returns the names of the ports of the guest's virtio-serial device: four for the command, then
 * `others` more. The guest numbers them from 1 and has each as /dev/guest-NAME.
 */
export const portNames = (others: number) => [
  ...(['stdout', 'stderr', 'stdin', 'status'] as const),
  ...Array.from({ length: others }, (_, index) => `port-${index}`),
]

/** Directories where the guest has a tmpfs of its own, like the container. */
const GUEST_TMPFS = ['/run', '/tmp', '/root', '/var/tmp']

/**
 * Body of /init; assignments of `$WORK`, `$SHARES` and `$PORTS` precede it. It prints failures
 * only, since the console is slow.
 */
const INIT = `
export PATH=/bin
/bin/busybox mount -t proc proc /proc && /bin/busybox --install -s /bin
fail() { echo "init: $1 failed"; exit 1; }
mount -t sysfs sys /sys && mount -t devtmpfs dev /dev || fail "mounting /dev"
for module in /modules/*.ko; do insmod "$module" || fail "loading $module"; done
# The device's number depends on the kernel. A port appears only after the host's answer.
port() { until set -- /dev/vport*p$1 $2 && [ -c "$1" ]; do usleep 5000; done; ln -s "$1" "/dev/$2"; }
number=0
for each in $PORTS; do number=$((number + 1)); port $number guest-$each; done
exec 3>/dev/guest-status || fail "opening the status port"
mount -t virtiofs -o ro root /root || fail "mounting the root tree"
mount --move /dev /root/dev && mount --move /sys /root/sys && mount --move /proc /root/proc || fail "moving /dev"
mkdir /host && mount --bind /root /host || fail "keeping the root tree"
for each in ${GUEST_TMPFS.join(' ')}; do mount -t tmpfs -o mode=1777 tmpfs "/root$each" || fail "mounting $each"; done
chmod 755 /root/run; chmod 700 /root/root
cd /root/dev && mkdir -p pts shm mqueue && cd / || fail "making directories of /dev"
mount -t devpts -o newinstance,ptmxmode=0666,mode=0620 devpts /root/dev/pts || fail "mounting /dev/pts"
mount -t tmpfs -o mode=1777 tmpfs /root/dev/shm && mount -t mqueue mqueue /root/dev/mqueue
ln -sfn /proc/self/fd /root/dev/fd; ln -sf pts/ptmx /root/dev/ptmx
for each in stdin:0 stdout:1 stderr:2; do ln -sf "/proc/self/fd/\${each#*:}" "/root/dev/\${each%:*}"; done
mount -t cgroup2 cgroup2 /root/sys/fs/cgroup
for each in $SHARES; do
  if [ -d "/host$each" ]; then mkdir -p "/root$each"; else mkdir -p "/root\${each%/*}" && : >"/root$each"; fi
  mount --bind "/host$each" "/root$each" || fail "sharing $each"
done
umount -l /host
ip link set lo up
hostname guest
exec switch_root /root /bin/sh "$WORK/guest"
fail "switching to the root tree"
`

/** Returns the paths that a tmpfs of the guest hides, without duplicates. */
const hiddenPaths = (paths: readonly string[]) =>
  [...new Set(paths)].filter((path) => GUEST_TMPFS.some((each) => path.startsWith(`${each}/`)))

/** Makes the initramfs of a guest with the named ports; returns its path. Throws HostError. */
export async function makeInitramfs(
  { version, tree }: Kernel,
  work: string,
  shares: readonly string[],
  ports: readonly string[],
): Promise<string> {
  const [root, file] = [`${work}/initramfs`, `${work}/initramfs.cpio`]
  try {
    for (const each of ['bin', 'modules', 'proc', 'sys', 'dev', 'root'])
      await mkdir(`${root}/${each}`, { recursive: true })
    await copyFile('/bin/busybox', `${root}/bin/busybox`)
    await writeFile(
      `${root}/init`,
      `#!/bin/busybox sh\nWORK=${work} SHARES="${hiddenPaths([work, tree, checkout, ...shares]).join(' ')}" PORTS="${ports.join(' ')}"${INIT}`,
    )
    await chmod(`${root}/init`, 0o755)
    await copyModules(tree, version, `${root}/modules`)
    await execa('sh', ['-c', 'cd "$1" && find . | busybox cpio -o -H newc >"$2"', 'sh', root, file])
    return file
  } catch (thrown) {
    throw HostError.from(thrown, `making an initramfs for kernel ${version}`)
  }
}

/**
 * Copies the modules, each with its number in the load order as a prefix. Skips modules that are
 * built into the kernel or do not exist.
 */
async function copyModules(tree: string, version: string, to: string): Promise<void> {
  const shown = await Promise.all(
    MODULES.map((name) =>
      execa('modprobe', ['-d', tree, '-S', version, '--show-depends', name], { reject: false }),
    ),
  )
  const files = shown.flatMap(({ stdout }) =>
    [...stdout.matchAll(/^insmod (\S+)/gm)].map(([, file]) => file as string),
  )
  for (const [at, file] of [...new Set(files)].entries()) {
    const copy = `${to}/${String(at).padStart(3, '0')}-${basename(file)}`
    await copyFile(file, copy)
    if (copy.endsWith('.xz')) await execa('busybox', ['unxz', copy])
    if (copy.endsWith('.zst'))
      throw new HostError(`unpacking ${basename(file)}: expected .ko or .ko.xz`)
  }
}
