import { RemoteError } from '../../proto/error.ts'
import { type Content, concatenate } from './content.ts'
import { isSmall, type Place, SmallImages } from './small-images.ts'

/*
 * The images of one proxy or cache, by snapshot id and name (S1): two nested maps, so that a look-up costs
 * the same among a million images as among a hundred, and no pair of names can be mistaken for another.
 * Only complete images enter; a partial image lives in the builder of its connection and dies with it.
 * A map has a number for an image that is small, and its content for any other.
 */

type Kept = Content | Place
type Waiter = (content: Content | undefined) => void

export class ImageStore {
  readonly #images = new Map<string, Map<string, Kept>>()
  #small = new SmallImages()
  readonly #waiters = new Map<string, Map<string, Waiter[]>>()
  readonly #limit: number
  #bytes = 0

  /** @param limit bytes of all images together, those still arriving included */
  constructor(limit = Number.POSITIVE_INFINITY) {
    this.#limit = limit
  }

  /** Bytes held and reserved. */
  get bytes(): number {
    return this.#bytes
  }

  get(snapshotId: string, name: string): Content | undefined {
    const kept = this.#images.get(snapshotId)?.get(name)
    return typeof kept === 'number' ? this.#small.get(kept) : kept
  }

  has(snapshotId: string, name: string): boolean {
    return this.#images.get(snapshotId)?.has(name) === true
  }

  /** Counts bytes that arrived against the limit; throws `memory-exhausted` beyond it. */
  reserve(bytes: number): void {
    if (this.#bytes + bytes > this.#limit) {
      throw new RemoteError(
        'memory-exhausted',
        `storing images: expected at most ${this.#limit} bytes, got ${this.#bytes + bytes}`,
      )
    }
    this.#bytes += bytes
  }

  /** Gives back what was reserved for an image that never became complete. */
  release(bytes: number): void {
    this.#bytes -= bytes
  }

  /** A complete image in place of the one of that name, whose bytes are given back; answers those who wait (C2). The image as it is kept. */
  put(snapshotId: string, name: string, content: Content): Content {
    this.#bytes -= this.get(snapshotId, name)?.size ?? 0
    return this.#keep(snapshotId, name, content)
  }

  /** Bytes behind those already there, or a new image (L6); the whole image that results. */
  append(snapshotId: string, name: string, more: Content): Content {
    const before = this.get(snapshotId, name)
    return this.#keep(snapshotId, name, before === undefined ? more : concatenate(before, more))
  }

  /** The image as soon as it is there; undefined once it is known that it will not come. */
  wait(snapshotId: string, name: string): Promise<Content | undefined> {
    const content = this.get(snapshotId, name)
    if (content !== undefined) return Promise.resolve(content)
    const waiters = inner(this.#waiters, snapshotId, () => new Map<string, Waiter[]>())
    return new Promise((resolve) => {
      inner(waiters, name, () => []).push(resolve)
    })
  }

  /** Answers everybody who waits with 'no such image' (C3). */
  abandonWaiters(): void {
    const all = [...this.#waiters.values()].flatMap((names) => [...names.values()].flat())
    this.#waiters.clear()
    for (const answer of all) answer(undefined)
  }

  #keep(snapshotId: string, name: string, content: Content): Content {
    const images = inner(this.#images, snapshotId, () => new Map<string, Kept>())
    const before = images.get(name)
    if (typeof before === 'number') this.#small.remove(before)
    images.set(name, isSmall(content) ? this.#small.add(content) : content)
    if (this.#small.isSparse) this.#closeGaps()
    const whole = this.get(snapshotId, name) as Content
    this.#answer(snapshotId, name, whole)
    return whole
  }

  #closeGaps(): void {
    const fresh = new SmallImages()
    for (const images of this.#images.values()) {
      for (const [name, kept] of images)
        if (typeof kept === 'number') images.set(name, fresh.add(this.#small.get(kept)))
    }
    this.#small = fresh
  }

  #answer(snapshotId: string, name: string, content: Content): void {
    const names = this.#waiters.get(snapshotId)
    const waiters = names?.get(name)
    if (names === undefined || waiters === undefined) return
    names.delete(name)
    if (names.size === 0) this.#waiters.delete(snapshotId)
    for (const answer of waiters) answer(content)
  }
}

function inner<V>(outer: Map<string, V>, key: string, make: () => V): V {
  const there = outer.get(key)
  if (there !== undefined) return there
  const made = make()
  outer.set(key, made)
  return made
}
