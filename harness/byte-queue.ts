/**
 * Bytes of a stream, pushed in pieces of any size and taken in amounts of the reader's choice.
 *
 * A push costs nothing but a reference. A take copies only if the bytes lie in several pieces, so a
 * reader that waits for a large message does not copy the message once per piece.
 */
export class ByteQueue {
  #pieces: Buffer[] = []
  #length = 0

  /** Number of bytes that were pushed and not taken. */
  get length(): number {
    return this.#length
  }

  push(piece: Buffer): void {
    if (piece.length === 0) return
    this.#pieces.push(piece)
    this.#length += piece.length
  }

  /** Returns the 32-bit little-endian number at `offset`; undefined until its bytes are here. */
  peekUint32LE(offset = 0): number | undefined {
    if (this.#length < offset + 4) return undefined
    return this.#front(offset + 4).readUInt32LE(offset)
  }

  /** Removes and returns the first `size` bytes. Throws RangeError if fewer are here. */
  take(size: number): Buffer {
    if (size > this.#length) {
      throw new RangeError(`taking bytes: expected at most ${this.#length}, got ${size}`)
    }
    if (size === 0) return Buffer.alloc(0)
    const front = this.#front(size)
    this.#pieces[0] = front.subarray(size)
    if (this.#pieces[0].length === 0) this.#pieces.shift()
    this.#length -= size
    return front.subarray(0, size)
  }

  /** Joins pieces until the first one has at least `size` bytes, and returns it. */
  #front(size: number): Buffer {
    const first = this.#pieces[0] as Buffer
    if (first.length >= size) return first
    let [count, bytes] = [0, 0]
    while (bytes < size) bytes += (this.#pieces[count++] as Buffer).length
    const joined = Buffer.concat(this.#pieces.slice(0, count))
    this.#pieces.splice(0, count, joined)
    return joined
  }
}
