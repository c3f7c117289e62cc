import { createHash } from 'node:crypto'
import { FrameDecoder, O_APPEND, type RemoteImage, remoteImage } from '../../proto/index.ts'
import { Violation } from '../violation.ts'
import { show } from './texts.ts'

/** Size up to which the bytes of a forwarded image are kept; larger ones are only hashed. */
const KEPT = 8 * 1024 * 1024

/** An image as it came on the link. */
export interface Forwarded extends RemoteImage {
  /** The header's message as it came, without its length. */
  payload: Buffer
  bytes: Buffer
  /** SHA-256 of all bytes, in hex. */
  hash: string
}

/** Reads the images of a link from pieces of any size: a header, its bytes, the next header. */
export class ForwardedImages {
  readonly #done: (image: Forwarded) => void
  readonly #appendsCountAll: () => boolean
  readonly #held = new Map<string, number>()
  readonly #decoder = new FrameDecoder()
  #touched = false
  #header: (RemoteImage & { payload: Buffer }) | undefined
  #kept: Buffer[] = []
  #hash = createHash('sha256')
  #missing = 0
  #expected = 0

  /**
   * @param done called with each complete image.
   * @param appendsCountAll whether the size of an append counts what the cache already has (D2).
   */
  constructor(done: (image: Forwarded) => void, appendsCountAll: () => boolean) {
    this.#done = done
    this.#appendsCountAll = appendsCountAll
  }

  /** Whether the stream is inside a header or an image. */
  get inside(): boolean {
    return this.#touched
  }

  /** The part of a header or image that has come, in words. */
  get progress(): string {
    if (this.#header === undefined) return 'a part of a header'
    const { snapshotId, name } = this.#header
    const came = this.#expected - this.#missing
    return `${came} of ${this.#expected} bytes of ${show(snapshotId, name)}`
  }

  /** Takes the next piece of the stream. Throws if its bytes are no header. */
  take(piece: Buffer): void {
    let rest: Buffer | undefined = piece
    while (rest !== undefined && rest.length > 0)
      rest = this.#header === undefined ? this.#takeHeader(rest) : this.#takeBytes(rest)
  }

  #takeHeader(piece: Buffer): Buffer | undefined {
    this.#touched = true
    const frame = this.#decoder.push(piece)
    if (frame === undefined) return undefined
    const header = { ...remoteImage.decode(frame.payload), payload: frame.payload }
    this.#header = header
    this.#missing = this.#appendsCountAll() ? this.#newBytes(header) : header.size
    this.#expected = this.#missing
    if (this.#missing === 0) this.#complete()
    return frame.rest
  }

  /** Returns the number of bytes after a header whose size is that of the whole image. */
  #newBytes({ snapshotId, name, openMode, size }: RemoteImage): number {
    const key = JSON.stringify([snapshotId, name])
    const before = openMode & O_APPEND ? (this.#held.get(key) ?? 0) : 0
    this.#held.set(key, size)
    if (size >= before) return size - before
    throw new Violation(
      'the size of a forwarded append',
      [{ outcome: `at least the ${before} bytes that were there`, clause: 'D2' }],
      `${size}`,
    )
  }

  #takeBytes(piece: Buffer): Buffer {
    const own = piece.subarray(0, this.#missing)
    this.#missing -= own.length
    this.#hash.update(own)
    if ((this.#header as RemoteImage).size <= KEPT) this.#kept.push(own)
    if (this.#missing === 0) this.#complete()
    return piece.subarray(own.length)
  }

  #complete(): void {
    this.#done({
      ...(this.#header as Forwarded),
      bytes: Buffer.concat(this.#kept),
      hash: this.#hash.digest('hex'),
    })
    this.#header = undefined
    this.#touched = false
    this.#kept = []
    this.#hash = createHash('sha256')
  }
}
