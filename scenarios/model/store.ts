export interface Image {
  snapshotId: string
  name: string
}

const key = ({ snapshotId, name }: Image) => JSON.stringify([snapshotId, name])

/** The images that a proxy or cache has to hold: the model to compare an implementation with. */
export class ModelStore {
  readonly #images = new Map<string, { image: Image; bytes: Buffer }>()

  get(image: Image): Buffer | undefined {
    return this.#images.get(key(image))?.bytes
  }

  /** Returns all images with their bytes. */
  all(): { image: Image; bytes: Buffer }[] {
    return [...this.#images.values()]
  }

  /** Returns the image after a write or append of these bytes. */
  result(image: Image, mode: 'write' | 'append', bytes: Buffer): Buffer {
    return mode === 'write' ? bytes : Buffer.concat([this.get(image) ?? Buffer.alloc(0), bytes])
  }

  put(image: Image, bytes: Buffer): void {
    this.#images.set(key(image), { image, bytes })
  }
}
