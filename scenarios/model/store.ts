/* What proxy and cache have to hold, as simply as it can be said: the model that the implementation is compared with. */

export interface Image {
  snapshotId: string
  name: string
}

const key = ({ snapshotId, name }: Image) => JSON.stringify([snapshotId, name])

export class ModelStore {
  readonly #images = new Map<string, { image: Image; bytes: Buffer }>()

  get(image: Image): Buffer | undefined {
    return this.#images.get(key(image))?.bytes
  }

  /** All images with their bytes. */
  all(): { image: Image; bytes: Buffer }[] {
    return [...this.#images.values()]
  }

  /** What a write or append of these bytes would leave. */
  result(image: Image, mode: 'write' | 'append', bytes: Buffer): Buffer {
    return mode === 'write' ? bytes : Buffer.concat([this.get(image) ?? Buffer.alloc(0), bytes])
  }

  put(image: Image, bytes: Buffer): void {
    this.#images.set(key(image), { image, bytes })
  }
}
