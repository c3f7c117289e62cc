import { randomBytes } from 'node:crypto'
import { type Host, HostError, lastLine, run } from '../hosts/host.ts'
import type { GuestPort } from '../vm/qemu.ts'
import type { Device, OpenDevice } from './device.ts'

/*
 * The kernel's side of a mount in a virtual machine: harness/native/mount.c has /dev/fuse there and passes requests and replies
 * on, by a port. The file system is the same as of a mount of this machine, interrupts and the end of the connection included.
 */

/** Each request begins with its length. */
const LENGTH = 4
const TOKEN = 16

/** Mounts at a directory of a host of the guest by `program`, that program compiled. The port is free again when the device is closed. Throws HostError. */
export function deviceOn(
  host: Host,
  { program, port, directory }: { program: string; port: GuestPort; directory: string },
): OpenDevice {
  return async (handle) => {
    const token = randomBytes(TOKEN).toString('hex')
    const mounted = Promise.withResolvers<void>()
    const requests = new Requests((request) => {
      mounted.resolve()
      void handle(request)
    })
    port.onBytes = behind(token, (bytes) => requests.add(bytes))
    port.write(Buffer.from(token))
    const { exited } = await host.start([program, directory, port.device, token])
    let isOpen = true
    const closed = exited.then(() => {
      isOpen = false
    })
    const early = exited.then(({ code, stderr }) => {
      throw new HostError(
        `mounting at ${directory} on ${host.name}: exit ${code}: ${lastLine(stderr)}`,
      )
    })
    early.catch(() => {})
    await Promise.race([mounted.promise, early])
    return {
      closed,
      reply: (parts) => {
        if (isOpen) port.write(Buffer.concat(parts))
      },
      async unmount() {
        const { code } = await run(host, ['umount', directory])
        if (code !== 0) await run(host, ['umount', '-f', '-l', directory])
        await closed
      },
    } satisfies Device
  }
}

/** Passes on what comes behind the token. */
function behind(token: string, onBytes: (bytes: Buffer) => void): (bytes: Buffer) => void {
  let skipped: Buffer | undefined = Buffer.alloc(0)
  return (bytes) => {
    if (skipped === undefined) return onBytes(bytes)
    skipped = Buffer.concat([skipped, bytes])
    const at = skipped.indexOf(token)
    if (at === -1) return
    const rest = skipped.subarray(at + token.length)
    skipped = undefined
    onBytes(rest)
  }
}

/** Cuts a stream into requests. */
class Requests {
  readonly #onRequest: (request: Buffer) => void
  #pieces: Buffer[] = []
  #bytes = 0

  constructor(onRequest: (request: Buffer) => void) {
    this.#onRequest = onRequest
  }

  add(piece: Buffer): void {
    this.#pieces.push(piece)
    this.#bytes += piece.length
    while (this.#bytes >= this.#wanted()) this.#next(this.#wanted())
  }

  /** Bytes of the next request, as far as is known. */
  #wanted(): number {
    if (this.#bytes < LENGTH) return LENGTH
    if ((this.#pieces[0] as Buffer).length < LENGTH) this.#pieces = [Buffer.concat(this.#pieces)]
    return (this.#pieces[0] as Buffer).readUInt32LE(0)
  }

  #next(size: number): void {
    const all =
      this.#pieces.length === 1 ? (this.#pieces[0] as Buffer) : Buffer.concat(this.#pieces)
    this.#pieces = all.length > size ? [all.subarray(size)] : []
    this.#bytes -= size
    this.#onRequest(all.subarray(0, size))
  }
}
