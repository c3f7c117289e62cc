import { chmod, copyFile, mkdir, writeFile } from 'node:fs/promises'
import { basename } from 'node:path'
import { execa } from 'execa'
import { checkout } from '../hosts/checkout.ts'
import { HostError } from '../hosts/host.ts'
import type { Kernel } from './kernel.ts'

/*
 * The guest's first file system: busybox, the modules, and an /init that makes the host's root tree the guest's.
 *
 * The root tree comes by virtiofs, so no image of it has to be made; what is written goes to tmpfs, in the guest as in the
 * container. Modules are unpacked here, and loaded in the order of what they need, which takes the guest no time to find out. Whatever
 * else the kernel asks for comes from the kernel's tree by `modprobe`.
 */

/** For the root tree and the ports; then what CRIU needs at its start; then what tests and daemons use. */
const MODULES = `virtio_pci virtio_console virtiofs
 unix_diag tcp_diag udp_diag raw_diag inet_diag netlink_diag af_packet_diag nf_tables
 fuse veth tun overlay binfmt_misc`.split(/\s+/)

/** Ports of the guest's virtio-serial device, numbered from 1, there as /dev/guest-NAME: of its command, and as many others as are wanted. */
export const portNames = (others: number) => [
  ...(['stdout', 'stderr', 'stdin', 'status'] as const),
  ...Array.from({ length: others }, (_, index) => `port-${index}`),
]

/** Where the guest has a tmpfs of its own, as the container has. */
const GUEST_TMPFS = ['/run', '/tmp', '/root', '/var/tmp']

/** `$WORK`, `$SHARES` and `$PORTS` come first. Nothing is printed unless something fails, since the console is slow. */
const INIT = `
export PATH=/bin
/bin/busybox mount -t proc proc /proc && /bin/busybox --install -s /bin
fail() { echo "init: $1 failed"; exit 1; }
mount -t sysfs sys /sys && mount -t devtmpfs dev /dev || fail "mounting /dev"
for module in /modules/*.ko; do insmod "$module" || fail "loading $module"; done
# The number of the device depends on the kernel, and a port is there only when the host's answer has come.
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

/** What of the host's tree the guest would not see, once each. */
const hidden = (paths: readonly string[]) =>
  [...new Set(paths)].filter((path) => GUEST_TMPFS.some((each) => path.startsWith(`${each}/`)))

/** Makes it, for a guest with ports of these names; its path. Throws HostError. */
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
      `#!/bin/busybox sh\nWORK=${work} SHARES="${hidden([work, tree, checkout, ...shares]).join(' ')}" PORTS="${ports.join(' ')}"${INIT}`,
    )
    await chmod(`${root}/init`, 0o755)
    await copyModules(tree, version, `${root}/modules`)
    await execa('sh', ['-c', 'cd "$1" && find . | busybox cpio -o -H newc >"$2"', 'sh', root, file])
    return file
  } catch (thrown) {
    throw HostError.from(thrown, `making an initramfs for kernel ${version}`)
  }
}

/** Copies them, with a number in front for their order. What is built in, or is not there at all, is left out. */
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
