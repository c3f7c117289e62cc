import { Changes } from '../../changes.ts'

/** The images that a client has written, as a sound proxy and cache hold them, in memory. */
export class ImageStore {
  readonly #images = new Map<string, Buffer>()
  readonly #changes = new Changes()
  /** Whether the dump is finished: an image that is not here never comes (C3). */
  #isClosed = false

  /** Stores an image, or adds to it. */
  complete(snapshotId: string, name: string, bytes: Buffer, isAppend: boolean): void {
    const key = keyOf(snapshotId, name)
    const before = isAppend ? (this.#images.get(key) ?? Buffer.alloc(0)) : Buffer.alloc(0)
    this.#images.set(key, Buffer.concat([before, bytes]))
    this.#changes.notify()
  }

  get(snapshotId: string, name: string): Buffer | undefined {
    return this.#images.get(keyOf(snapshotId, name))
  }

  /** Waits until the image is there or the dump is finished, as a cache does (C2). */
  async awaited(snapshotId: string, name: string): Promise<Buffer | undefined> {
    await this.#changes.until(() => this.#isClosed || this.get(snapshotId, name) !== undefined)
    return this.get(snapshotId, name)
  }

  /** Ends the waits: no image comes any more. */
  close(): void {
    this.#isClosed = true
    this.#changes.notify()
  }

  remove(snapshotId: string, name: string): void {
    this.#images.delete(keyOf(snapshotId, name))
  }

  /** The names and bytes of all images of a snapshot. */
  of(snapshotId: string): { name: string; bytes: Buffer }[] {
    return [...this.#images].flatMap(([key, bytes]) => {
      const [id, name = ''] = JSON.parse(key) as string[]
      return id === snapshotId ? [{ name, bytes }] : []
    })
  }
}

const keyOf = (snapshotId: string, name: string) => JSON.stringify([snapshotId, name])
