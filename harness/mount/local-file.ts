import { Errno } from './errno.ts'

/**
 * Largest local file, in bytes. Local files are logs and statistics; a larger file is an image with
 * a wrong name.
 */
const LIMIT = 256 * 1024 * 1024

/**
 * A file that CRIU keeps on its node (a log, stats-dump, irmap-cache). The mount holds it in memory
 * and never sends it.
 */
export class LocalFile {
  #bytes = Buffer.alloc(0)
  #size = 0

  get size(): number {
    return this.#size
  }

  read(offset: number, size: number): Buffer {
    return Buffer.from(
      this.#bytes.subarray(Math.min(offset, this.#size), Math.min(offset + size, this.#size)),
    )
  }

  write(offset: number, bytes: Buffer): void {
    this.#grow(offset + bytes.length)
    bytes.copy(this.#bytes, offset)
    this.#size = Math.max(this.#size, offset + bytes.length)
  }

  resize(size: number): void {
    this.#grow(size)
    if (size < this.#size) this.#bytes.fill(0, size, this.#size)
    this.#size = size
  }

  #grow(size: number): void {
    if (size > LIMIT) throw new Errno('EFBIG')
    if (size <= this.#bytes.length) return
    const larger = Buffer.alloc(Math.min(LIMIT, Math.max(4096, size * 2)))
    this.#bytes.copy(larger)
    this.#bytes = larger
  }
}
