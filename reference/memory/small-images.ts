import { type Content, chunksOf, KEEP } from './content.ts'

/*
 * The bytes of small images, behind each other in blocks of memory. For each of
 * them a list, a view of its bytes and an object that ties the two would be half as much memory as an image of 1 KiB. Here an
 * image is a number: the place where it lies, its length in two bytes before it. Views are made when it is read.
 *
 * An image that is taken out leaves a gap. Gaps are counted and not used again, since somebody may still read there; when
 * they are most of it, whoever holds the numbers copies what is left to fresh blocks, and the garbage collector frees the old
 * ones behind their last reader. To keep lists of gaps would save that copy, but an image that is replaced is rare.
 */

/** Size of a block, in bytes: glibc puts what is larger than 128 KiB on pages of its own, which are no huge ones. */
const BLOCK = 122_880
const LENGTH = 2
/** Gaps up to this many bytes are left alone, however few images there are. */
const GAPS = 1_048_576

/** Where an image lies, counted in bytes through all blocks. */
export type Place = number

/** Whether an image is kept here. */
export const isSmall = ({ size }: Content) => size < KEEP

export class SmallImages {
  readonly #blocks: Buffer[] = []
  readonly #length = Buffer.alloc(LENGTH)
  #end: Place = 0
  #gaps = 0

  /** Whether gaps are most of the memory: time to copy what is left. */
  get isSparse(): boolean {
    return this.#gaps > GAPS && this.#gaps > this.#end - this.#gaps
  }

  add(content: Content): Place {
    const place = this.#end
    this.#length.writeUInt16LE(content.size)
    this.#write(this.#length)
    for (const chunk of chunksOf(content)) this.#write(chunk)
    return place
  }

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

  /** Leaves a gap where an image lay: nobody will ask for it again. */
  remove(place: Place): void {
    this.#gaps += LENGTH + this.get(place).size
  }

  /** Behind what is there, and on in the next block where one is full. */
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
