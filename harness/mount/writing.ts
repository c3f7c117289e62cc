import type { Socket } from 'node:net'
import { drained, endWrite, openWrite } from '../../reference/index.ts'
import { Errno } from './errno.ts'

/*
 * An image opened for writing: one write connection, which ends the image at the last close of the file.
 *
 * The connection and its header are made with the first byte, or with the close of an image that has none: CRIU
 * unlinks an image that it created in vain, and the protocol has no way to take an image back. A write is answered when
 * the kernel has the bytes for the server, so that the sender feels a slow one; after one that is lost all others are, too.
 */

export class WritingImage {
  readonly #open: () => Promise<Socket>
  readonly #appends: boolean
  #socket: Promise<Socket> | undefined
  #size = 0
  #state: 'sound' | 'dropped' | 'lost' = 'sound'

  constructor(server: string, snapshotId: string, name: string, kind: 'write' | 'append') {
    this.#open = () => openWrite(server, snapshotId, name, kind)
    this.#appends = kind === 'append'
  }

  get size(): number {
    return this.#size
  }

  /** Whether it was unlinked before anything of it was sent. */
  get isDropped(): boolean {
    return this.#state === 'dropped'
  }

  /** Bytes behind those already written; ESPIPE anywhere else, since images are streams. */
  async write(offset: number, bytes: Buffer): Promise<void> {
    if (this.#state === 'lost') throw new Errno('EIO')
    if (!this.#appends && offset !== this.#size) throw new Errno('ESPIPE', `writing at ${offset}, expected ${this.#size}`)
    this.#size += bytes.length
    if (this.#state === 'dropped') return
    try {
      await this.#send(bytes)
    } catch (thrown) {
      this.#state = 'lost'
      throw thrown
    }
  }

  /** Forgets the image, if nothing of it has been sent; false if it is too late. */
  drop(): boolean {
    if (this.#socket === undefined) this.#state = 'dropped'
    return this.isDropped
  }

  /** Completes the image; resolves when the server took it, rejects if it was lost. */
  async end(): Promise<void> {
    await endWrite(await this.#connect())
  }

  /** Lets go of the connection, of which the server may make an image: it can't tell this from the end. */
  abandon(): void {
    this.#state = 'lost'
    this.#socket?.then(
      (socket) => socket.destroy(),
      () => {},
    )
  }

  async #send(bytes: Buffer): Promise<void> {
    const socket = await this.#connect()
    await new Promise<void>((resolve, reject) => {
      socket.write(bytes, (error) => (error ? reject(new Errno('EIO', error.message)) : resolve()))
    })
    await drained(socket)
  }

  #connect(): Promise<Socket> {
    this.#socket ??= this.#open()
    return this.#socket
  }
}
