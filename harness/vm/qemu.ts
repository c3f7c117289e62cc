import type { Socket } from 'node:net'
import { createServer } from 'node:net'
import { execa } from 'execa'
import { HostError } from '../hosts/host.ts'
import { Lines } from '../hosts/lines.ts'
import type { Kernel } from './kernel.ts'
import { shareRoot } from './share.ts'

/*
 * One guest under QEMU.
 *
 * The command's input and output go through ports of a virtio-serial device, each a UNIX socket here; the kernel's console, a serial line,
 * is kept for the reason of a failure. One more port says `up` when the root tree is there and `exit CODE` at the end of the command.
 * A guest that panics reboots, which ends QEMU.
 */

export interface GuestOptions {
  kernel: Kernel
  initramfs: string
  /** Directory for sockets. */
  work: string
  /** As `portNames` has them. */
  ports: readonly string[]
  accelerator: 'kvm' | 'tcg'
  /** How long the guest may take until it is up, in ms. */
  deadline: number
  onOutput: (piece: Buffer, stream: 'stdout' | 'stderr') => void
}

export interface Guest {
  /** To the command's standard input. */
  write(bytes: Buffer): void
  /** The exit code of the command. Rejects with HostError where the guest ends before. */
  exited: Promise<number>
  /** The others that were asked for. */
  ports: readonly GuestPort[]
  /** Ends the guest, whatever runs in it. */
  kill(): void
}

/** Generous: the pages that are not touched cost nothing. */
const MEMORY = '4096M'
/**
 * One: a kernel on a single processor needs no locked instructions and no interrupts between processors, which are what a translator is
 * slowest at. Two guests of one processor did the same tests in two thirds of the time that one of two took.
 */
const CPUS = 1
/**
 * An old processor with what CRIU and Node need. On QEMU's newest (`max`) kernel and libraries choose instructions that are fast in silicon and
 * slow in a translator, `rep stosb` to clear a page among them: writing to a fresh tmpfs takes three times as long.
 */
const TRANSLATED = 'Nehalem,xsave=on,xsaveopt=on,rdrand=on'

/** Without what costs most where a program translates addresses: mitigations, a fifth level of page tables, clearing 2 MiB to use 4 KiB. */
const APPEND =
  'console=ttyS0 quiet panic=-1 nokaslr no5lvl transparent_hugepage=never mitigations=off audit=0 random.trust_cpu=on tsc=reliable clocksource=tsc no_timer_check'

/** Boots it, to the point where the root tree is there. Throws HostError, with nothing left running. */
export async function bootGuest({
  kernel,
  initramfs,
  work,
  ports,
  accelerator,
  deadline,
  onOutput,
}: GuestOptions): Promise<Guest> {
  const up = Promise.withResolvers<void>()
  let code: number | undefined
  const status = new Lines((line) => {
    if (line === 'up') up.resolve()
    else code = Number(line.split(' ')[1])
  })
  const made = await Promise.all(
    ports.map((name) => listen(`${work}/${name}`, `/dev/guest-${name}`)),
  )
  const [stdout, stderr, stdin, statusPort, ...others] = made as [Port, Port, Port, Port, ...Port[]]
  stdout.onBytes = (bytes) => onOutput(bytes, 'stdout')
  stderr.onBytes = (bytes) => onOutput(bytes, 'stderr')
  statusPort.onBytes = (bytes) => status.add(bytes.toString())
  const share = await shareRoot(`${work}/root.sock`)
  const console = new Lines()
  const qemu = execa(
    'qemu-system-x86_64',
    qemuOptions({ kernel, initramfs, work, ports, accelerator }),
    {
      reject: false,
      buffer: false,
      stdin: 'ignore',
      all: true,
    },
  )
  qemu.all.setEncoding('utf8').on('data', (text: string) => console.add(text))
  const ended = qemu.then(async () => {
    await Promise.all(made.map(({ ended }) => ended))
    share.stop()
    for (const { close } of made) close()
  })
  const doing = `booting kernel ${kernel.version} (${accelerator})`
  const timer = setTimeout(() => {
    up.reject(
      new HostError(
        `${doing}: expected it to be up within ${deadline} ms, got: ${reasonOf(console.text)}`,
      ),
    )
    qemu.kill('SIGKILL')
  }, deadline)
  const early = ended.then(() => {
    throw new HostError(`${doing}: it ended: ${reasonOf(console.text)}`)
  })
  await Promise.race([up.promise, early]).finally(() => clearTimeout(timer))
  early.catch(() => {})
  const exited = ended.then(() => {
    if (code === undefined)
      throw new HostError(
        `running a command on kernel ${kernel.version}: the guest ended: ${reasonOf(console.text)}`,
      )
    return code
  })
  return { exited, write: stdin.write, ports: others, kill: () => void qemu.kill('SIGKILL') }
}

function qemuOptions({
  kernel,
  initramfs,
  work,
  ports: names,
  accelerator,
}: Pick<GuestOptions, 'kernel' | 'initramfs' | 'work' | 'ports' | 'accelerator'>): string[] {
  const ports = names.flatMap((name, index) => [
    ['-chardev', `socket,id=${name},path=${work}/${name}`],
    ['-device', `virtserialport,chardev=${name},nr=${index + 1}`],
  ])
  return [
    ['-nodefaults', '-no-user-config', '-no-reboot', '-display', 'none'],
    [
      '-machine',
      'q35,memory-backend=memory',
      '-accel',
      accelerator === 'kvm' ? 'kvm' : 'tcg,thread=multi,tb-size=1024',
    ],
    ['-cpu', accelerator === 'kvm' ? 'host' : TRANSLATED, '-smp', String(CPUS), '-m', MEMORY],
    ['-object', `memory-backend-memfd,id=memory,size=${MEMORY},share=on`],
    ['-kernel', kernel.image, '-initrd', initramfs, '-append', APPEND, '-serial', 'stdio'],
    [
      '-chardev',
      `socket,id=root,path=${work}/root.sock`,
      '-device',
      'vhost-user-fs-pci,chardev=root,tag=root,queue-size=1024',
    ],
    ['-device', 'virtio-serial-pci'],
    ...ports,
  ].flat()
}

/** A stream between the guest and this process. */
export interface GuestPort {
  /** The device in the guest. */
  device: string
  write(bytes: Buffer): void
  onBytes: (bytes: Buffer) => void
}

interface Port extends GuestPort {
  /** Resolves when QEMU has come and gone, or never came. */
  ended: Promise<void>
  close(): void
}

/** A UNIX socket for QEMU's end of a port. */
async function listen(path: string, device: string): Promise<Port> {
  let client: Socket | undefined
  const gone = Promise.withResolvers<void>()
  const server = createServer((socket) => {
    client = socket.on('data', (bytes) => port.onBytes(bytes)).once('close', () => gone.resolve())
    socket.on('error', () => {})
  })
  const port: Port = {
    device,
    get ended() {
      return client === undefined ? Promise.resolve() : gone.promise
    },
    write: (bytes) => void client?.write(bytes),
    onBytes: () => {},
    close: () => server.close(),
  }
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(path, resolve))
  return port
}

/** What a kernel, QEMU or /init said last of its end. */
function reasonOf(text: string): string {
  const lines = text
    .split('\n')
    .map((line) => line.replace(/^\[ *[\d.]+\] /, '').trim())
    .filter(Boolean)
  const said =
    lines.find((line) => line.startsWith('init: ')) ??
    lines.findLast((line) => /panic - |qemu/.test(line)) ??
    lines.at(-1)
  return said ?? 'it said nothing'
}
