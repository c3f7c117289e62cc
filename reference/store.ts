import { RemoteError } from '../proto/error.ts'
import { type Content, concatenate } from './image.ts'

/*
 * The images of one proxy or cache, by snapshot id and name (S1): two nested maps, so that a look-up costs
 * the same among a million images as among a hundred, and no pair of names can be mistaken for another.
 * Only complete images enter; a partial image lives in the builder of its connection and dies with it.
 */

type Waiter = (content: Content | undefined) => void

export class ImageStore {
  readonly #images = new Map<string, Map<string, Content>>()
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
    return this.#images.get(snapshotId)?.get(name)
  }

  /** Counts bytes that arrived against the limit; throws `memory-exhausted` beyond it. */
  reserve(bytes: number): void {
    if (this.#bytes + bytes > this.#limit) {
      throw new RemoteError('memory-exhausted', `storing images: expected at most ${this.#limit} bytes, got ${this.#bytes + bytes}`)
    }
    this.#bytes += bytes
  }

  /** Gives back what was reserved for an image that never became complete. */
  release(bytes: number): void {
    this.#bytes -= bytes
  }

  /** A complete image in place of the one of that name, whose bytes are given back; answers those who wait (C2). */
  put(snapshotId: string, name: string, content: Content): void {
    const images = inner(this.#images, snapshotId, () => new Map<string, Content>())
    this.#bytes -= images.get(name)?.size ?? 0
    images.set(name, content)
    this.#answer(snapshotId, name, content)
  }

  /** Bytes behind those already there, or a new image (L6); the whole image that results. */
  append(snapshotId: string, name: string, more: Content): Content {
    const before = this.get(snapshotId, name)
    const whole = before === undefined ? more : concatenate(before, more)
    inner(this.#images, snapshotId, () => new Map<string, Content>()).set(name, whole)
    this.#answer(snapshotId, name, whole)
    return whole
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
