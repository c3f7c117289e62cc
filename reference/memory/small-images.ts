import { type Content, chunksOf, LARGE_PIECE } from './content.ts'

/*
 * The bytes of small images, one after the other in blocks of memory. A list of chunks, a view of
 * the bytes and an object for both would cost half as much memory as an image of 1 KiB itself. Here
 * an image is a number: the place of its bytes, which follow their length in two bytes. Views are
 * made when the image is read.
 *
 * A removed image leaves a gap. Gaps are counted and not filled again, because a reader may still
 * use the bytes. When most bytes are gaps, the owner of the places copies the remaining images to
 * new blocks, and the garbage collector frees the old blocks after their last reader. Lists of gaps
 * would save that copy, but images are rarely replaced.
 */

/**
 * Size of a block, in bytes. glibc puts allocations over 128 KiB on pages of their own, which are
 * no huge pages.
 */
const BLOCK = 122_880
/** Size of an image's length, in bytes. */
const LENGTH = 2
/** Bytes of gaps that are never worth a copy, however few images remain. */
const SMALL_GAPS = 1_048_576

/** The position of an image in bytes, counted through all blocks. */
export type Place = number

/** Whether an image belongs here: two bytes hold its length. */
export const isSmall = ({ size }: Content) => size < LARGE_PIECE

export class SmallImages {
  readonly #blocks: Buffer[] = []
  readonly #length = Buffer.alloc(LENGTH)
  #end: Place = 0
  #gaps = 0

  /** Whether most bytes are gaps, so that the owner should copy the remaining images. */
  get isSparse(): boolean {
    return this.#gaps > SMALL_GAPS && this.#gaps > this.#end - this.#gaps
  }

  /** Copies an image behind the last one. */
  add(content: Content): Place {
    const place = this.#end
    this.#length.writeUInt16LE(content.size)
    this.#write(this.#length)
    for (const chunk of chunksOf(content)) this.#write(chunk)
    return place
  }

  /** Returns views of an image's bytes. */
  get(place: Place): Content {
    const size = this.#byte(place) + 256 * this.#byte(place + 1)
    const chunks: Buffer[] = []
    for (let at = place + LENGTH, missing = size; missing > 0; ) {
      const chunk = this.#block(at).subarray(at % BLOCK, (at % BLOCK) + missing)
      chunks.push(chunk)
      at += chunk.length
      missing -= chunk.length
    }
    return { chunks, size }
  }

  /** Turns an image into a gap. Its place must not be used again. */
  remove(place: Place): void {
    this.#gaps += LENGTH + this.get(place).size
  }

  /** Writes at the end; continues in a new block when one is full. */
  #write(bytes: Buffer): void {
    for (let written = 0; written < bytes.length; ) {
      if (this.#end === this.#blocks.length * BLOCK)
        this.#blocks.push(Buffer.allocUnsafeSlow(BLOCK))
      const copied = bytes.copy(this.#block(this.#end), this.#end % BLOCK, written)
      this.#end += copied
      written += copied
    }
  }

  #byte(place: Place): number {
    return this.#block(place)[place % BLOCK] as number
  }

  #block(place: Place): Buffer {
    return this.#blocks[Math.floor(place / BLOCK)] as Buffer
  }
}
