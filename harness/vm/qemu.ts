import type { Socket } from 'node:net'
import { createServer } from 'node:net'
import { execa } from 'execa'
import { HostError } from '../hosts/host.ts'
import { Lines } from '../hosts/lines.ts'
import { PORTS } from './initramfs.ts'
import type { Kernel } from './kernel.ts'
import { shareRoot } from './share.ts'

/*
 * One guest under QEMU.
 *
 * The command's output comes through ports of a virtio-serial device, each a UNIX socket here; the kernel's console, a serial line, is
 * kept for the reason of a failure. A third port says `up` when the root tree is there and `exit CODE` at the end of the command.
 * A guest that panics reboots, which ends QEMU.
 */

export interface GuestOptions {
  kernel: Kernel
  initramfs: string
  /** Directory for sockets. */
  work: string
  accelerator: 'kvm' | 'tcg'
  /** How long the guest may take until it is up, in ms. */
  deadline: number
  onOutput: (piece: Buffer, stream: 'stdout' | 'stderr') => void
}

export interface Guest {
  /** The exit code of the command. Rejects with HostError where the guest ends before. */
  exited: Promise<number>
}

/** Generous: the pages that are not touched cost nothing. */
const MEMORY = '4096M'
const CPUS = 2
/**
 * An old processor with what CRIU and Node need. On QEMU's newest (`max`) kernel and libraries choose instructions that are fast in silicon and
 * slow in a translator, `rep stosb` to clear a page among them: writing to a fresh tmpfs takes three times as long.
 */
const TRANSLATED = 'Nehalem,xsave=on,xsaveopt=on,rdrand=on'

/** Without what costs most where a program translates addresses: mitigations, a fifth level of page tables, clearing 2 MiB to use 4 KiB. */
const APPEND =
  'console=ttyS0 quiet panic=-1 nokaslr no5lvl transparent_hugepage=never mitigations=off audit=0 random.trust_cpu=on tsc=reliable clocksource=tsc no_timer_check'

/** Boots it, to the point where the root tree is there. Throws HostError, with nothing left running. */
export async function bootGuest({ kernel, initramfs, work, accelerator, deadline, onOutput }: GuestOptions): Promise<Guest> {
  const up = Promise.withResolvers<void>()
  let code: number | undefined
  const status = new Lines((line) => {
    if (line === 'up') up.resolve()
    else code = Number(line.split(' ')[1])
  })
  const sink = (name: keyof typeof PORTS) => (piece: Buffer) => (name === 'status' ? status.add(piece.toString()) : onOutput(piece, name))
  const ports = await Promise.all(Object.keys(PORTS).map((name) => listen(`${work}/${name}`, sink(name as keyof typeof PORTS))))
  const share = await shareRoot(`${work}/root.sock`)
  const console = new Lines()
  const qemu = execa('qemu-system-x86_64', qemuOptions({ kernel, initramfs, work, accelerator }), {
    reject: false,
    buffer: false,
    stdin: 'ignore',
    all: true,
  })
  qemu.all.setEncoding('utf8').on('data', (text: string) => console.add(text))
  const ended = qemu.then(async () => {
    await Promise.all(ports.map(({ ended }) => ended))
    share.stop()
    for (const { close } of ports) close()
  })
  const doing = `booting kernel ${kernel.version} (${accelerator})`
  const timer = setTimeout(() => {
    up.reject(new HostError(`${doing}: expected it to be up within ${deadline} ms, got: ${reasonOf(console.text)}`))
    qemu.kill('SIGKILL')
  }, deadline)
  const early = ended.then(() => {
    throw new HostError(`${doing}: it ended: ${reasonOf(console.text)}`)
  })
  await Promise.race([up.promise, early]).finally(() => clearTimeout(timer))
  early.catch(() => {})
  const exited = ended.then(() => {
    if (code === undefined) throw new HostError(`running a command on kernel ${kernel.version}: the guest ended: ${reasonOf(console.text)}`)
    return code
  })
  return { exited }
}

function qemuOptions({
  kernel,
  initramfs,
  work,
  accelerator,
}: Pick<GuestOptions, 'kernel' | 'initramfs' | 'work' | 'accelerator'>): string[] {
  const ports = Object.entries(PORTS).flatMap(([name, number]) => [
    ['-chardev', `socket,id=${name},path=${work}/${name}`],
    ['-device', `virtserialport,chardev=${name},nr=${number}`],
  ])
  return [
    ['-nodefaults', '-no-user-config', '-no-reboot', '-display', 'none'],
    ['-machine', 'q35,memory-backend=memory', '-accel', accelerator === 'kvm' ? 'kvm' : 'tcg,thread=multi,tb-size=1024'],
    ['-cpu', accelerator === 'kvm' ? 'host' : TRANSLATED, '-smp', String(CPUS), '-m', MEMORY],
    ['-object', `memory-backend-memfd,id=memory,size=${MEMORY},share=on`],
    ['-kernel', kernel.image, '-initrd', initramfs, '-append', APPEND, '-serial', 'stdio'],
    ['-chardev', `socket,id=root,path=${work}/root.sock`, '-device', 'vhost-user-fs-pci,chardev=root,tag=root,queue-size=1024'],
    ['-device', 'virtio-serial-pci'],
    ...ports,
  ].flat()
}

/** A UNIX socket for one client; `ended` resolves when that has come and gone, or never came. */
async function listen(path: string, onData: (piece: Buffer) => void): Promise<{ ended: Promise<void>; close: () => void }> {
  let client: Socket | undefined
  const gone = Promise.withResolvers<void>()
  const server = createServer((socket) => {
    client = socket.on('data', onData).once('close', () => gone.resolve())
    socket.on('error', () => {})
  })
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(path, resolve))
  return {
    get ended() {
      return client === undefined ? Promise.resolve() : gone.promise
    },
    close: () => server.close(),
  }
}

/** What a kernel, QEMU or /init said last of its end. */
function reasonOf(text: string): string {
  const lines = text
    .split('\n')
    .map((line) => line.replace(/^\[ *[\d.]+\] /, '').trim())
    .filter(Boolean)
  const said = lines.find((line) => line.startsWith('init: ')) ?? lines.findLast((line) => /panic - |qemu/.test(line)) ?? lines.at(-1)
  return said ?? 'it said nothing'
}
