import type { Socket } from 'node:net'
import { endWrite, openWrite } from '../../reference/index.ts'
import { Errno } from './errno.ts'

/*
 * An image opened for writing: one write connection, which completes the image after the last close
 * of the file.
 *
 * The connection is made and the header sent with the first byte, or with the close of an empty
 * image: CRIU unlinks an image that it does not need after all, and the protocol cannot take an
 * image back. A large write is answered before its bytes are sent, so that CRIU prepares the next
 * write meanwhile. Only a few writes are answered early, so that a slow server slows the writer
 * down. After a failed write all later writes and the end of the image fail as well.
 */

/** Bytes that may be unsent when a write is answered: a few of the largest requests. */
const WINDOW = 4 * 1_048_576
/**
 * Size, in bytes, of the smallest write that is answered early. For smaller writes this gains
 * nothing.
 */
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

  /** Whether bytes of the image did not reach the server. */
  get isLost(): boolean {
    return this.#state === 'lost'
  }

  /** Whether the image was unlinked before its header was sent. */
  get isDropped(): boolean {
    return this.#state === 'dropped'
  }

  /**
   * Writes at the end of the image. Throws ESPIPE for any other offset, because images are streams.
   * Resolves when the write may be answered. The caller may use the bytes again when `sent`
   * resolves; `sent` never rejects.
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

  /** Drops the image unless its header has been sent. Returns whether it is dropped. */
  drop(): boolean {
    if (this.#socket === undefined) this.#state = 'dropped'
    return this.isDropped
  }

  /** Completes the image. Resolves when the server has taken it, rejects if it was lost. */
  async end(): Promise<void> {
    await Promise.all(this.#unsent)
    if (this.isLost) throw this.#failure
    await endWrite(await this.#connect())
  }

  /**
   * Closes the connection without an end. The server may store the image, because it cannot tell
   * this from an end.
   */
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
