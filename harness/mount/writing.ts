import type { Socket } from 'node:net'
import { drained, endWrite, openWrite } from '../../reference/index.ts'
import { Errno } from './errno.ts'

/*
 * An image opened for writing: one write connection, which ends the image at the last close of the file.
 *
 * The connection and its header are made with the first byte, or with the close of an image that has none: CRIU
 * unlinks an image that it created in vain, and the protocol has no way to take an image back. A write is answered when
 * the kernel has the bytes for the server, so that the sender feels a slow one, and one that is lost fails the next.
 */

export class WritingImage {
  readonly #open: () => Promise<Socket>
  #socket: Promise<Socket> | undefined
  #size = 0
  #dropped = false

  constructor(server: string, snapshotId: string, name: string, kind: 'write' | 'append') {
    this.#open = () => openWrite(server, snapshotId, name, kind)
  }

  get size(): number {
    return this.#size
  }

  /** Bytes behind those already written; ESPIPE anywhere else, since images are streams. */
  async write(offset: number, bytes: Buffer): Promise<void> {
    if (offset !== this.#size) throw new Errno('ESPIPE', `writing at ${offset}, expected ${this.#size}`)
    this.#size += bytes.length
    const socket = await this.#connect()
    await new Promise<void>((resolve, reject) => {
      socket.write(bytes, (error) => (error ? reject(new Errno('EIO', error.message)) : resolve()))
    })
    await drained(socket)
  }

  /** Forgets the image, if nothing of it has been sent; false if it is too late. */
  drop(): boolean {
    this.#dropped = this.#socket === undefined
    return this.#dropped
  }

  /** Completes the image; resolves when the server took it, rejects if it was lost. */
  async end(): Promise<void> {
    if (!this.#dropped) await endWrite(await this.#connect())
  }

  #connect(): Promise<Socket> {
    this.#socket ??= this.#open()
    return this.#socket
  }
}
