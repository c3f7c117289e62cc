import { openRead, type Reading } from '../../reference/index.ts'
import { Changes } from '../changes.ts'
import { Errno } from './errno.ts'

/*
 * An image opened for reading: one read connection to the proxy or cache, read into memory.
 *
 * The protocol has no size and no random access. CRIU needs both (fstat of pagemaps, preadv at any
 * offset of pages). So the mount keeps the bytes until the last close. A read waits for the bytes
 * that it asks for, and only fstat waits for all bytes. No byte is read from the connection before
 * the first read or fstat, because a dump opens its parents' pages and closes them unread.
 *
 * The end of an image is the server's close (L3), but a dying server closes as well. CRIU takes a
 * short read for the end of its image, or repeats the read for ever. So after each end the mount
 * makes another request, and only an answer to it proves that the server is alive: a dying process
 * closes its connections one by one, and may still accept a new one meanwhile. The reply to 'the
 * restore is finished' is a cache's last one, so its end needs no proof.
 */

export class ReadingImage {
  readonly #chunks: Buffer[] = []
  /** Offset at which each chunk starts. */
  readonly #starts: number[] = []
  #size = 0
  #state: 'arriving' | 'complete' | 'lost' = 'arriving'
  readonly #changes = new Changes()
  readonly #reading: Reading
  readonly #signOfLife: (() => Promise<unknown>) | undefined
  #begun = false

  private constructor(reading: Reading, signOfLife: (() => Promise<unknown>) | undefined) {
    this.#reading = reading
    this.#signOfLife = signOfLife
  }

  /**
   * Opens the image. Waits as long as the server does. Throws ENOENT if the server replies so, and
   * RemoteError if the server cannot be reached.
   *
   * @param signOfLife makes a request, and resolves when the server has answered it
   */
  static async open(
    server: string,
    snapshotId: string,
    name: string,
    signal: AbortSignal,
    signOfLife?: () => Promise<unknown>,
  ): Promise<ReadingImage> {
    const reading = await openRead(server, snapshotId, name, signal)
    if (reading === undefined) throw new Errno('ENOENT')
    return new ReadingImage(reading, signOfLife)
  }

  /** Waits for the whole image and returns its size in bytes. Throws EIO if the image was lost. */
  async size(): Promise<number> {
    this.#begin()
    await this.#changes.until(() => this.#state !== 'arriving')
    if (this.#state === 'lost') throw new Errno('EIO')
    return this.#size
  }

  /**
   * Returns `size` bytes from `offset` on, fewer only at the end of the image. Throws EIO if they
   * were lost.
   */
  async read(offset: number, size: number): Promise<Buffer[]> {
    this.#begin()
    await this.#changes.until(() => this.#state !== 'arriving' || this.#size >= offset + size)
    if (this.#state === 'lost' && this.#size < offset + size) throw new Errno('EIO')
    return this.#slices(offset, Math.min(offset + size, this.#size))
  }

  close(): void {
    this.#reading.socket.destroy()
  }

  #begin(): void {
    if (this.#begun) return
    this.#begun = true
    this.#reading
      .bytes((piece) => this.#add(piece))
      .then(() => this.#signOfLife?.())
      .then(() => this.#end('complete'))
      .catch(() => this.#end('lost'))
  }

  #add(piece: Buffer): void {
    this.#starts.push(this.#size)
    this.#chunks.push(piece)
    this.#size += piece.length
    this.#changes.notify()
  }

  #end(state: 'complete' | 'lost'): void {
    this.#state = state
    this.#changes.notify()
  }

  #slices(from: number, to: number): Buffer[] {
    const slices: Buffer[] = []
    for (let index = this.#find(from), at = from; at < to; index++) {
      const chunk = this.#chunks[index] as Buffer
      const skip = at - (this.#starts[index] as number)
      const slice = chunk.subarray(skip, skip + to - at)
      slices.push(slice)
      at += slice.length
    }
    return slices
  }

  /** Returns the index of the chunk that holds the byte at `offset`, by bisection. */
  #find(offset: number): number {
    let low = 0
    let high = this.#starts.length - 1
    while (low < high) {
      const middle = (low + high + 1) >> 1
      if ((this.#starts[middle] as number) <= offset) low = middle
      else high = middle - 1
    }
    return low
  }
}
