import { RemoteError } from '../../proto/error.ts'
import { type Content, concatenate } from './content.ts'
import { isSmall, type Place, SmallImages } from './small-images.ts'

/*
 * The images of one proxy or cache, by snapshot key and name (S1). Two nested maps: a look-up costs
 * the same among a million images as among a hundred, and no pair of key and name can be mistaken
 * for another. Only complete images enter. A partial image lives in the builder of its connection
 * and dies with it. The maps hold the place of a small image, and the content of any other.
 */

type Stored = Content | Place
type Waiter = (content: Content | undefined) => void

export class ImageStore {
  readonly #images = new Map<string, Map<string, Stored>>()
  #small = new SmallImages()
  readonly #waiters = new Map<string, Map<string, Set<Waiter>>>()
  readonly #limit: number
  #bytes = 0

  /** @param limit of all images together, in bytes; images that are still arriving count */
  constructor(limit = Number.POSITIVE_INFINITY) {
    this.#limit = limit
  }

  /** Bytes of all complete and arriving images. */
  get bytes(): number {
    return this.#bytes
  }

  get(snapshotId: string, name: string): Content | undefined {
    const stored = this.#images.get(snapshotId)?.get(name)
    return typeof stored === 'number' ? this.#small.get(stored) : stored
  }

  has(snapshotId: string, name: string): boolean {
    return this.#images.get(snapshotId)?.has(name) === true
  }

  /** Counts arriving bytes. Throws `memory-exhausted` if they exceed the limit. */
  reserve(bytes: number): void {
    if (this.#bytes + bytes > this.#limit) {
      throw new RemoteError(
        'memory-exhausted',
        `storing images: expected at most ${this.#limit} bytes, got ${this.#bytes + bytes}`,
      )
    }
    this.#bytes += bytes
  }

  /** Un-counts the bytes of an image that was dropped before it was complete. */
  release(bytes: number): void {
    this.#bytes -= bytes
  }

  /**
   * Stores an image, replaces and un-counts the old one, and answers waiting reads (C2). Returns
   * the image as stored.
   */
  put(snapshotId: string, name: string, content: Content): Content {
    this.#bytes -= this.get(snapshotId, name)?.size ?? 0
    return this.#set(snapshotId, name, content)
  }

  /**
   * Appends to an image, or stores a new one (L6), and answers waiting reads (C2). Returns the
   * whole image.
   */
  append(snapshotId: string, name: string, more: Content): Content {
    const before = this.get(snapshotId, name)
    return this.#set(snapshotId, name, before === undefined ? more : concatenate(before, more))
  }

  /**
   * Resolves with the image when it is stored, or with undefined when the waiters are abandoned or
   * the reader has left.
   */
  wait(snapshotId: string, name: string, left?: Promise<void>): Promise<Content | undefined> {
    const content = this.get(snapshotId, name)
    if (content !== undefined) return Promise.resolve(content)
    const names = getOrMake(this.#waiters, snapshotId, () => new Map<string, Set<Waiter>>())
    return new Promise((resolve) => {
      getOrMake(names, name, () => new Set()).add(resolve)
      void left?.then(() => this.#forget(snapshotId, name, resolve))
    })
  }

  /** Answers all waiting reads with 'no such image' (C3). */
  abandonWaiters(): void {
    const all = [...this.#waiters.values()].flatMap((names) =>
      [...names.values()].flatMap((waiters) => [...waiters]),
    )
    this.#waiters.clear()
    for (const answer of all) answer(undefined)
  }

  /** Answers one waiting read with 'no such image', if it still waits. */
  #forget(snapshotId: string, name: string, answer: Waiter): void {
    const names = this.#waiters.get(snapshotId)
    const waiters = names?.get(name)
    if (names === undefined || waiters?.delete(answer) !== true) return
    if (waiters.size === 0) names.delete(name)
    if (names.size === 0) this.#waiters.delete(snapshotId)
    answer(undefined)
  }

  #set(snapshotId: string, name: string, content: Content): Content {
    const images = getOrMake(this.#images, snapshotId, () => new Map<string, Stored>())
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
      for (const [name, stored] of images)
        if (typeof stored === 'number') images.set(name, fresh.add(this.#small.get(stored)))
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

/** Returns the value of `key`. Makes and stores it first if it is missing. */
function getOrMake<V>(outer: Map<string, V>, key: string, make: () => V): V {
  const there = outer.get(key)
  if (there !== undefined) return there
  const made = make()
  outer.set(key, made)
  return made
}
