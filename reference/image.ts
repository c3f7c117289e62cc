/*
 * An image in memory: a list of chunks, never one buffer, since it arrives in pieces whose total is not known
 * and may be over 4 GiB, which is more than one Buffer holds.
 *
 * Chunks are shared, not copied: the pieces that the kernel filled are kept as they are and written to the
 * next socket from where they lie. Only small pieces are gathered, or a writer of 10-byte pieces would cost
 * ten times its image in bookkeeping. An image never changes. An append makes a new version which shares the
 * list with the old one: each version knows how many of the chunks are its own, so that appending is O(new
 * bytes) and a reader that has begun keeps the version that it was given (L7).
 */

/** Pieces of at least this many bytes are kept as they came; smaller ones are copied together. */
const KEEP = 16_384
/** Size of the block that small pieces are gathered in; the last block of an image is cut to what it holds. */
const BLOCK = 65_536

/** Bytes of one image, complete. `chunks` may go on behind `count`: those belong to a later version. */
export interface Content {
  readonly chunks: Buffer[]
  readonly count: number
  readonly size: number
}

/** `content` followed by `more`, sharing the chunks of both. */
export function concatenate(content: Content, more: Content): Content {
  const chunks = content.chunks.length === content.count && content.count > 0 ? content.chunks : own(content)
  for (const chunk of own(more)) chunks.push(chunk)
  return { chunks, count: chunks.length, size: content.size + more.size }
}

/** The chunks of a content, without those of later versions. */
function own(content: Content): Buffer[] {
  return content.chunks.slice(0, content.count)
}

/** Takes the pieces of an image as they arrive. */
export class ContentBuilder {
  readonly #chunks: Buffer[] = []
  /** A small piece that came alone so far: most small images are no more than that. */
  #small: Buffer | undefined
  #block: Buffer | undefined
  #blockBytes = 0
  #size = 0

  /** Bytes taken so far. */
  get size(): number {
    return this.#size
  }

  add(piece: Buffer): void {
    this.#size += piece.length
    if (piece.length >= KEEP) {
      this.#closeBlock()
      this.#chunks.push(piece)
    } else if (this.#block === undefined && this.#small === undefined) {
      this.#small = piece
    } else {
      this.#openBlock()
      this.#gather(piece)
    }
  }

  finish(): Content {
    this.#closeBlock()
    return { chunks: this.#chunks, count: this.#chunks.length, size: this.#size }
  }

  #openBlock(): void {
    const small = this.#small
    this.#small = undefined
    if (small !== undefined) this.#gather(small)
  }

  #gather(piece: Buffer): void {
    for (let rest = piece; rest.length > 0; ) {
      this.#block ??= Buffer.allocUnsafeSlow(BLOCK)
      const copied = rest.copy(this.#block, this.#blockBytes)
      this.#blockBytes += copied
      rest = rest.subarray(copied)
      if (this.#blockBytes === BLOCK) this.#closeBlock()
    }
  }

  #closeBlock(): void {
    if (this.#blockBytes === BLOCK) this.#chunks.push(this.#block as Buffer)
    else if (this.#block !== undefined) this.#chunks.push(shared(this.#block.subarray(0, this.#blockBytes)))
    else if (this.#small !== undefined && this.#small.length > 0) this.#chunks.push(shared(this.#small))
    this.#small = undefined
    this.#block = undefined
    this.#blockBytes = 0
  }
}

/** A copy of bytes that are less than a block, in the block where such bytes of all images lie behind each other. */
function shared(bytes: Buffer): Buffer {
  if (bytes.length > sharedBlock.length) sharedBlock = Buffer.allocUnsafeSlow(BLOCK)
  const copy = sharedBlock.subarray(0, bytes.length)
  sharedBlock = sharedBlock.subarray(bytes.length)
  bytes.copy(copy)
  return copy
}

let sharedBlock = Buffer.alloc(0)
