import { randomBytes } from 'node:crypto'
import { ByteQueue } from '../byte-queue.ts'
import { type Host, HostError, lastLine, run } from '../hosts/host.ts'
import type { GuestPort } from '../vm/qemu.ts'
import type { Device, OpenDevice } from './device.ts'

/*
 * The kernel's side of a mount in a guest. There the program harness/native/mount.c opens /dev/fuse
 * and passes requests and replies through a port. The file system is the same as for a mount on
 * this machine, including interrupts and the end of the connection.
 */

/** Length of a mount's token, in bytes of randomness. */
const TOKEN = 16

/**
 * Mounts at a directory of a host of the guest. `program` is the compiled mount.c. The port is free
 * again when the device is closed. Throws HostError.
 */
export function deviceOn(
  host: Host,
  { program, port, directory }: { program: string; port: GuestPort; directory: string },
): OpenDevice {
  return async (handle) => {
    const token = randomBytes(TOKEN).toString('hex')
    const mounted = Promise.withResolvers<void>()
    const requests = new RequestStream(token, (request) => {
      mounted.resolve()
      void handle(request)
    })
    port.onBytes = (bytes) => requests.push(bytes)
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

/**
 * Cuts the bytes of a port into requests. Bytes before the token belong to an earlier mount on the
 * same port.
 */
class RequestStream {
  readonly #token: string
  readonly #onRequest: (request: Buffer) => void
  readonly #bytes = new ByteQueue()
  #tokenSeen = false

  constructor(token: string, onRequest: (request: Buffer) => void) {
    this.#token = token
    this.#onRequest = onRequest
  }

  push(piece: Buffer): void {
    this.#bytes.push(piece)
    if (!this.#tokenSeen) this.#skipToToken()
    if (!this.#tokenSeen) return
    for (let size = this.#next(); size !== undefined; size = this.#next())
      this.#onRequest(this.#bytes.take(size))
  }

  #skipToToken(): void {
    const bytes = this.#bytes.take(this.#bytes.length)
    const at = bytes.indexOf(this.#token)
    this.#tokenSeen = at !== -1
    this.#bytes.push(this.#tokenSeen ? bytes.subarray(at + this.#token.length) : bytes)
  }

  /**
   * Returns the size of the next request, with which it begins; undefined if the request is not
   * complete.
   */
  #next(): number | undefined {
    const size = this.#bytes.peekUint32LE()
    return size !== undefined && size <= this.#bytes.length ? size : undefined
  }
}
