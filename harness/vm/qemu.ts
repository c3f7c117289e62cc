import { createServer, type Socket } from 'node:net'
import { execa } from 'execa'
import { HostError } from '../hosts/host.ts'
import { Lines } from '../hosts/lines.ts'
import type { Kernel } from './kernel.ts'
import { shareRoot } from './share.ts'

/*
 * One guest under QEMU.
 *
 * The command's input and output use ports of a virtio-serial device, each a UNIX socket on this
 * side. One more port carries the status: `up` after the root tree is mounted, and `exit CODE` at
 * the end of the command. The kernel's console is a serial line, which is kept for the reason of a
 * failure. A guest that panics reboots, which ends QEMU.
 */

export interface GuestOptions {
  kernel: Kernel
  initramfs: string
  /** Directory for sockets. */
  work: string
  /** Names of the ports, as `portNames` returns them. */
  ports: readonly string[]
  accelerator: 'kvm' | 'tcg'
  /** How long the guest may take to boot, in ms. */
  deadline: number
  onOutput: (piece: Buffer, stream: 'stdout' | 'stderr') => void
}

export interface Guest {
  /** Sends bytes to the command's standard input. */
  write(bytes: Buffer): void
  /** The command's exit code. Rejects with HostError if the guest ends before the command. */
  exited: Promise<number>
  /** The ports besides the command's own. */
  ports: readonly GuestPort[]
  /** Ends the guest at once. */
  kill(): void
}

/** Memory of the guest. It is generous because pages that the guest does not touch cost nothing. */
const MEMORY = '4096M'
/**
 * Processors of the guest. A kernel on a single processor needs no locked instructions and no
 * interrupts between processors, and both are the slowest operations of a translator. Two guests
 * with one processor each ran the same tests in two thirds of the time of one guest with two.
 */
const CPUS = 1
/**
 * Processor of a guest without KVM: an old one with the features that CRIU and Node need. On QEMU's
 * newest (`max`) the kernel and libraries choose instructions that are fast in silicon and slow in
 * a translator. With `rep stosb`, which clears a page, writes to a fresh tmpfs take three times as
 * long.
 */
const TRANSLATED_CPU = 'Nehalem,xsave=on,xsaveopt=on,rdrand=on'

/**
 * Kernel parameters. They turn off the features that cost most where a program translates
 * addresses: mitigations, a fifth level of page tables, and clearing of 2 MiB for a use of 4 KiB.
 */
const KERNEL_PARAMETERS =
  'console=ttyS0 quiet panic=-1 nokaslr no5lvl transparent_hugepage=never mitigations=off audit=0 random.trust_cpu=on tsc=reliable clocksource=tsc no_timer_check'

/** Boots a guest until its root tree is mounted. Throws HostError, with nothing left running. */
export async function bootGuest(options: GuestOptions): Promise<Guest> {
  const { kernel, work, onOutput } = options
  const share = await shareRoot(`${work}/root.sock`)
  const ports = await Promise.all(
    options.ports.map((name) => listen(`${work}/${name}`, `/dev/guest-${name}`)),
  )
  const [stdout, stderr, stdin, statusPort, ...others] = ports as [
    Port,
    Port,
    Port,
    Port,
    ...Port[],
  ]
  stdout.onBytes = (bytes) => onOutput(bytes, 'stdout')
  stderr.onBytes = (bytes) => onOutput(bytes, 'stderr')
  const status = readStatus(statusPort)
  const qemu = startQemu(options)
  const ended = qemu.ended.then(async () => {
    await Promise.all(ports.map(({ ended }) => ended))
    share.stop()
    for (const { close } of ports) close()
  })
  await awaitBoot(options, qemu, status.up, ended)
  const exited = ended.then(() => {
    const code = status.exitCode()
    if (code !== undefined) return code
    throw new HostError(
      `running a command on kernel ${kernel.version}: the guest ended: ${reasonOf(qemu.console.text)}`,
    )
  })
  return { exited, write: stdin.write, ports: others, kill: qemu.kill }
}

/** Reads the status port: `up`, then `exit CODE`. */
function readStatus(port: Port): { up: Promise<void>; exitCode: () => number | undefined } {
  const up = Promise.withResolvers<void>()
  let code: number | undefined
  const status = new Lines((line) => {
    if (line === 'up') up.resolve()
    else code = Number(line.split(' ')[1])
  })
  port.onBytes = (bytes) => status.add(bytes.toString())
  return { up: up.promise, exitCode: () => code }
}

interface Qemu {
  /** The kernel's console and QEMU's own output. */
  console: Lines
  /** Resolves at the end of QEMU. */
  ended: Promise<unknown>
  kill(): void
}

function startQemu(options: GuestOptions): Qemu {
  const console = new Lines()
  const qemu = execa('qemu-system-x86_64', qemuOptions(options), {
    reject: false,
    buffer: false,
    stdin: 'ignore',
    all: true,
  })
  qemu.all.setEncoding('utf8').on('data', (text: string) => console.add(text))
  return { console, ended: qemu, kill: () => void qemu.kill('SIGKILL') }
}

/** Waits for `up`, and kills QEMU at the deadline. Throws HostError. */
async function awaitBoot(
  { kernel, accelerator, deadline }: GuestOptions,
  qemu: Qemu,
  up: Promise<void>,
  ended: Promise<void>,
): Promise<void> {
  const doing = `booting kernel ${kernel.version} (${accelerator})`
  const late = Promise.withResolvers<never>()
  const timer = setTimeout(() => {
    const got = reasonOf(qemu.console.text)
    late.reject(new HostError(`${doing}: expected it to be up within ${deadline} ms, got: ${got}`))
    qemu.kill()
  }, deadline)
  const early = ended.then(() => {
    throw new HostError(`${doing}: it ended: ${reasonOf(qemu.console.text)}`)
  })
  await Promise.race([up, early, late.promise]).finally(() => clearTimeout(timer))
}

function qemuOptions({
  kernel,
  initramfs,
  work,
  ports: names,
  accelerator,
}: GuestOptions): string[] {
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
    ['-cpu', accelerator === 'kvm' ? 'host' : TRANSLATED_CPU, '-smp', String(CPUS), '-m', MEMORY],
    ['-object', `memory-backend-memfd,id=memory,size=${MEMORY},share=on`],
    [
      '-kernel',
      kernel.image,
      '-initrd',
      initramfs,
      '-append',
      KERNEL_PARAMETERS,
      '-serial',
      'stdio',
    ],
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
  /** Path of the device in the guest. */
  device: string
  write(bytes: Buffer): void
  /** Called for bytes from the guest. */
  onBytes: (bytes: Buffer) => void
}

interface Port extends GuestPort {
  /** Resolves after QEMU has disconnected, or at once if it has never connected. */
  ended: Promise<void>
  close(): void
}

/** Listens on a UNIX socket, to which QEMU connects its end of a port. */
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

/**
 * Returns the console's line that explains the end: by /init, by the kernel or QEMU, or the last.
 */
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
