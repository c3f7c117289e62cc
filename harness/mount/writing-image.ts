import type { Socket } from 'node:net'
import { endWrite, openWrite } from '../../reference/index.ts'
import { Errno } from './errno.ts'

/*
 * An image opened for writing: one write connection, which ends the image at the last close of the file.
 *
 * The connection and its header are made with the first byte, or with the close of an image that has none: CRIU
 * unlinks an image that it created in vain, and the protocol has no way to take an image back. A large write is answered
 * before its bytes are on their way, so that CRIU makes the next one meanwhile; but no more than a few are, or the sender
 * would not feel a slow server. After one that is lost all others are, too, and so is the end of the image.
 */

/** Bytes that may be unsent when a write is answered: a few of the largest requests. */
const WINDOW = 4 * 1_048_576
/** Smaller writes are answered when the kernel has the bytes for the server: there is nothing to win. */
const LARGE = 65_536

export class WritingImage {
  readonly #open: () => Promise<Socket>
  readonly #appends: boolean
  #socket: Promise<Socket> | undefined
  #size = 0
  #state: 'sound' | 'dropped' | 'lost' = 'sound'
  #failure: unknown = new Errno('EIO')
  readonly #unsent = new Set<Promise<void>>()
  #unsentBytes = 0

  constructor(server: string, snapshotId: string, name: string, kind: 'write' | 'append') {
    this.#open = () => openWrite(server, snapshotId, name, kind)
    this.#appends = kind === 'append'
  }

  get size(): number {
    return this.#size
  }

  /** Whether bytes of it did not reach the server. */
  get isLost(): boolean {
    return this.#state === 'lost'
  }

  /** Whether it was unlinked before anything of it was sent. */
  get isDropped(): boolean {
    return this.#state === 'dropped'
  }

  /**
   * Bytes behind those already written; ESPIPE anywhere else, since images are streams. Resolves when the write may be
   * answered; the bytes are the caller's again when `sent` resolves, which never rejects.
   */
  async write(offset: number, bytes: Buffer): Promise<{ sent: Promise<void> }> {
    if (this.isLost) throw new Errno('EIO')
    if (!this.#appends && offset !== this.#size)
      throw new Errno('ESPIPE', `writing at ${offset}, expected ${this.#size}`)
    this.#size += bytes.length
    if (this.#state === 'dropped') return { sent: Promise.resolve() }
    const sent = this.#sendInTurn(bytes)
    if (bytes.length < LARGE) await sent
    while (this.#unsentBytes > WINDOW && this.#unsent.size > 0) await Promise.race(this.#unsent)
    if (this.isLost) throw this.#failure
    return { sent }
  }

  /** Forgets the image, if nothing of it has been sent; false if it is too late. */
  drop(): boolean {
    if (this.#socket === undefined) this.#state = 'dropped'
    return this.isDropped
  }

  /** Completes the image; resolves when the server took it, rejects if it was lost. */
  async end(): Promise<void> {
    await Promise.all(this.#unsent)
    if (this.isLost) throw this.#failure
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

  async #sendInTurn(bytes: Buffer): Promise<void> {
    const sent = this.#send(bytes).catch((thrown) => {
      this.#state = 'lost'
      this.#failure = thrown
    })
    this.#unsent.add(sent)
    this.#unsentBytes += bytes.length
    await sent
    this.#unsent.delete(sent)
    this.#unsentBytes -= bytes.length
  }

  async #send(bytes: Buffer): Promise<void> {
    const socket = await this.#connect()
    await new Promise<void>((resolve, reject) => {
      socket.write(bytes, (error) => (error ? reject(new Errno('EIO', error.message)) : resolve()))
    })
  }

  #connect(): Promise<Socket> {
    this.#socket ??= this.#open()
    return this.#socket
  }
}
