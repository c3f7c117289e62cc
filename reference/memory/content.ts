/*
 * An image in memory: a list of chunks, never one buffer, since it arrives in pieces whose total is not known
 * and may be over 4 GiB, which is more than one Buffer holds.
 *
 * Chunks are shared, not copied: the pieces that the kernel filled are kept as they are and written to the
 * next socket from where they lie. Only small pieces are gathered, or a writer of 10-byte pieces would cost
 * ten times its image in bookkeeping. An image never changes. An append makes a new version which shares the
 * list with the old one, and the block in which small pieces are gathered as well: each version knows how many
 * of the bytes are its own. So appending is O(new bytes), ten thousand appends of a few bytes make a list of
 * a few blocks, and a reader that has begun keeps the version that it was given (L7).
 */

/** Pieces of at least this many bytes are kept as they came; smaller ones are copied together. */
export const KEEP = 16_384
/** Size of the blocks that small pieces are gathered in, once the image is as large: before that, no larger than the image. */
const BLOCK = 65_536

/** Bytes of one image, complete: the first `size` of those in `chunks`. What is behind them belongs to later versions. */
export interface Content {
  readonly chunks: readonly Buffer[]
  readonly size: number
  /** Where an append goes on, if none has gone on from this version yet. */
  readonly builder?: ContentBuilder
}

/** The bytes of a content, chunk by chunk, without those of later versions. */
export function* chunksOf({ chunks, size }: Content): Generator<Buffer> {
  let missing = size
  for (let index = 0; missing > 0; index++) {
    const chunk = chunks[index] as Buffer
    yield chunk.length > missing ? chunk.subarray(0, missing) : chunk
    missing -= chunk.length
  }
}

/** `content` followed by `more`, sharing the chunks of both. */
export function concatenate(content: Content, more: Content): Content {
  const builder = content.builder?.size === content.size ? content.builder : begunWith(content)
  for (const chunk of chunksOf(more)) builder.add(chunk)
  return builder.version()
}

function begunWith(content: Content): ContentBuilder {
  const builder = new ContentBuilder()
  for (const chunk of chunksOf(content)) builder.add(chunk)
  return builder
}

/** Takes the pieces of an image as they arrive. */
export class ContentBuilder {
  readonly #chunks: Buffer[] = []
  /** A small piece that came alone so far: most small images are no more than that. */
  #alone: Buffer | undefined
  /** Bytes at the end of the last chunk that are free: it is a block of ours then. */
  #room = 0
  #size = 0

  /** Bytes taken so far. */
  get size(): number {
    return this.#size
  }

  add(piece: Buffer): void {
    if (this.#size === 0 && piece.length < KEEP) this.#alone = piece
    else {
      this.#gatherAlone()
      if (piece.length < KEEP) this.#gather(piece)
      else this.#keep(piece)
    }
    this.#size += piece.length
  }

  /** All that came, if that is all: without room for more. */
  finish(): Content {
    if (this.#alone !== undefined) return { chunks: [this.#alone], size: this.#size }
    this.#cut()
    return { chunks: this.#chunks, size: this.#size }
  }

  /** All that came so far, if more may come: an image that is appended to. */
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
    this.#room = Math.min(BLOCK, Math.max(KEEP, this.#size))
    this.#chunks.push(Buffer.allocUnsafeSlow(this.#room))
  }

  /** Gives back the room behind the last chunk. */
  #cut(): void {
    if (this.#room === 0) return
    const block = this.#chunks.pop() as Buffer
    const filled = Buffer.allocUnsafeSlow(block.length - this.#room)
    block.copy(filled)
    this.#chunks.push(filled)
    this.#room = 0
  }
}
