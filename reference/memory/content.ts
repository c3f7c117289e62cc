/*
 * An image in memory: a list of chunks. One buffer would not do, because the image arrives in
 * pieces whose total is not known, and may be over 4 GiB, which is more than a Buffer holds.
 *
 * Large pieces are not copied: the buffers that the kernel filled become chunks and are later
 * written to a socket as they are. Only small pieces are copied together into blocks; otherwise an
 * image written in pieces of 10 bytes would cost ten times its size in bookkeeping. A content never
 * changes. An append makes a new version, which shares the list and the last block with the old
 * version. Each version knows how many of the bytes are its own. So an append costs O(new bytes),
 * ten thousand appends of a few bytes make a list of a few blocks, and a reader that has begun
 * keeps the version that it was given (L7).
 */

/**
 * Size in bytes from which a piece becomes a chunk without a copy. Smaller pieces are copied
 * together.
 */
export const LARGE_PIECE = 16_384
/**
 * Largest size of a block for small pieces, in bytes. The blocks of a smaller image are no larger
 * than the image.
 */
const BLOCK = 65_536

/**
 * The bytes of one complete image: the first `size` bytes of `chunks`. Later bytes belong to later
 * versions.
 */
export interface Content {
  readonly chunks: readonly Buffer[]
  readonly size: number
  /** The builder that a first append to this version continues. */
  readonly builder?: ContentBuilder
}

/** Returns the bytes of a content, chunk by chunk, without the bytes of later versions. */
export function* chunksOf({ chunks, size }: Content): Generator<Buffer> {
  let missing = size
  for (let index = 0; missing > 0; index++) {
    const chunk = chunks[index] as Buffer
    yield chunk.length > missing ? chunk.subarray(0, missing) : chunk
    missing -= chunk.length
  }
}

/** Returns `content` followed by `more`. The result shares chunks with both. */
export function concatenate(content: Content, more: Content): Content {
  const builder = content.builder?.size === content.size ? content.builder : builderOf(content)
  for (const chunk of chunksOf(more)) builder.add(chunk)
  return builder.version()
}

function builderOf(content: Content): ContentBuilder {
  const builder = new ContentBuilder()
  for (const chunk of chunksOf(content)) builder.add(chunk)
  return builder
}

/** Collects the pieces of an image as they arrive. */
export class ContentBuilder {
  readonly #chunks: Buffer[] = []
  /**
   * The first piece, if it is small and no other came. Most small images are one piece, which needs
   * no copy.
   */
  #alone: Buffer | undefined
  /** Free bytes at the end of the last chunk, which is then a block. */
  #room = 0
  #size = 0

  /** Number of bytes added so far. */
  get size(): number {
    return this.#size
  }

  add(piece: Buffer): void {
    if (this.#size === 0 && piece.length < LARGE_PIECE) this.#alone = piece
    else {
      this.#gatherAlone()
      if (piece.length < LARGE_PIECE) this.#gather(piece)
      else this.#keep(piece)
    }
    this.#size += piece.length
  }

  /**
   * Returns the content of an image that is complete. Gives back the free bytes of the last block.
   */
  finish(): Content {
    if (this.#alone !== undefined) return { chunks: [this.#alone], size: this.#size }
    this.#cut()
    return { chunks: this.#chunks, size: this.#size }
  }

  /** Returns the content so far of an image that may be appended to again. */
  version(): Content {
    this.#gatherAlone()
    return { chunks: this.#chunks, size: this.#size, builder: this }
  }

  #keep(piece: Buffer): void {
    this.#cut()
    this.#chunks.push(piece)
  }

  #gatherAlone(): void {
    const alone = this.#alone
    this.#alone = undefined
    if (alone !== undefined) this.#gather(alone)
  }

  #gather(piece: Buffer): void {
    for (let rest = piece; rest.length > 0; ) {
      if (this.#room === 0) this.#openBlock()
      const block = this.#chunks.at(-1) as Buffer
      const copied = rest.copy(block, block.length - this.#room)
      this.#room -= copied
      rest = rest.subarray(copied)
    }
  }

  #openBlock(): void {
    this.#room = Math.min(BLOCK, Math.max(LARGE_PIECE, this.#size))
    this.#chunks.push(Buffer.allocUnsafeSlow(this.#room))
  }

  /** Shrinks the last block to its filled bytes. */
  #cut(): void {
    if (this.#room === 0) return
    const block = this.#chunks.pop() as Buffer
    const filled = Buffer.allocUnsafeSlow(block.length - this.#room)
    block.copy(filled)
    this.#chunks.push(filled)
    this.#room = 0
  }
}
