import type { Dialect, Log } from '../../reference/index.ts'
import { Changes } from '../changes.ts'
import { Errno } from './errno.ts'
import { ReadingImage } from './reading-image.ts'
import { DUMP_FINISH, NULL_DIRECTORY, RESTORE_FINISH, type Snapshots } from './snapshots.ts'
import { WritingImage } from './writing-image.ts'

/*
 * The images of a mount: opens them at the server, and completes them after their last close.
 *
 * The kernel reports a file's last close after close(2) has returned. So that no request overtakes
 * an image, a read of an image waits for this mount's own writer, and a write under `null` (the end
 * of the dump) waits for all writers. The latter fails if an image was lost, because close(2) could
 * not report the loss.
 */

export interface ImagesOptions {
  /** UNIX socket of the proxy or cache. */
  server: string
  side: 'proxy' | 'cache'
  dialect: Dialect
  log: Log
  /**
   * Called for each image that was written through the mount and taken by the proxy; size in bytes.
   */
  onWritten: (path: string, size: number) => void
}

export interface ImageId {
  snapshot: string
  name: string
}

export class Images {
  readonly #options: ImagesOptions
  readonly #snapshots: Snapshots
  /** Images that are open for writing, with their paths. */
  readonly #writers = new Map<WritingImage, string>()
  /** Images that are being completed, by path. */
  readonly #ending = new Map<string, Promise<void>>()
  /** Paths of images that could not be completed, and the reasons. */
  readonly #lost = new Map<string, string>()
  /** Paths of images that were written through this mount. */
  readonly #written = new Set<string>()
  readonly #released = new Changes()
  readonly #closing = new AbortController()

  constructor(options: ImagesOptions, snapshots: Snapshots) {
    this.#options = options
    this.#snapshots = snapshots
  }

  /**
   * Opens an image for reading. Waits as long as the server does, and for this mount's own writer.
   */
  async read(image: ImageId): Promise<ReadingImage> {
    await this.#ending.get(pathOf(image))
    try {
      return await this.#open(image)
    } catch (thrown) {
      if (thrown instanceof Errno) throw thrown
      if (this.#closing.signal.aborted) throw new Errno('EIO')
      this.#options.log.error(
        `${pathOf(image)}: ${thrown instanceof Error ? thrown.message : thrown}`,
      )
      throw new Errno('EIO')
    }
  }

  /** Returns the size of an image in bytes. Waits until the whole image has arrived. */
  async size(image: ImageId): Promise<number> {
    const reading = await this.read(image)
    return reading.size().finally(() => reading.close())
  }

  /** Opens an image for writing. A first image begins its snapshot (S2). */
  async write(image: ImageId, kind: 'write' | 'append'): Promise<WritingImage> {
    if (this.#options.side === 'cache')
      throw new Errno('EROFS', 'images reach a cache from its proxy only')
    if (image.snapshot === NULL_DIRECTORY) await this.#allWritten()
    else await this.#snapshots.begin(image.snapshot)
    await this.#ending.get(pathOf(image))
    const writing = new WritingImage(this.#options.server, ...this.#identity(image), kind)
    this.#writers.set(writing, pathOf(image))
    return writing
  }

  /** Completes an image after the last close of its file, unless it was unlinked. */
  complete(writing: WritingImage): void {
    const path = this.#writers.get(writing) as string
    this.#writers.delete(writing)
    if (!writing.isDropped) this.#end(writing, path)
    this.#released.notify()
  }

  /**
   * Drops an image that is open and of which no byte was sent. Throws EPERM if it is too late, else
   * ENOENT.
   */
  unlink(path: string): void {
    const writers = [...this.#writers].flatMap(([writing, other]) =>
      other === path ? [writing] : [],
    )
    if (this.#written.has(path)) throw new Errno('EPERM', `${path} has been sent`)
    if (writers.length === 0) throw new Errno('ENOENT')
    if (!writers.every((writing) => writing.drop()))
      throw new Errno('EPERM', `${path} has been sent`)
  }

  /** Returns the paths of the images that were written through this mount. */
  written(): string[] {
    return [...this.#written]
  }

  /** Fails opens that wait for an image. */
  close(): void {
    this.#closing.abort()
  }

  #open(image: ImageId): Promise<ReadingImage> {
    const isFinish = image.snapshot === NULL_DIRECTORY && image.name === RESTORE_FINISH
    return ReadingImage.open(
      this.#options.server,
      ...this.#identity(image),
      this.#closing.signal,
      isFinish ? undefined : () => this.#snapshots.signOfLife(),
    )
  }

  /**
   * Resolves when the proxy has taken every image of this mount. Throws EIO if an image or the
   * proxy was lost.
   */
  async #allWritten(): Promise<void> {
    const isOpen = (path: string) => !path.startsWith(`${NULL_DIRECTORY}/`)
    await this.#released.until(() => ![...this.#writers.values()].some(isOpen))
    await Promise.all(this.#ending.values())
    const [path] = this.#lost.keys()
    if (path !== undefined) throw new Errno('EIO', `${path} was lost`)
    await this.#snapshots.signOfLife()
  }

  #end(writing: WritingImage, path: string): void {
    const end = writing.end().then(
      () => {
        this.#lost.delete(path)
        this.#options.onWritten(path, writing.size)
      },
      (thrown) => {
        this.#lost.set(path, thrown instanceof Error ? thrown.message : String(thrown))
        this.#options.log.error(`${path}: the image is lost: ${this.#lost.get(path)}`)
      },
    )
    this.#written.add(path)
    this.#ending.set(path, end)
    void end.then(() => this.#ending.delete(path))
  }

  /**
   * Returns the snapshot id and name in the protocol. Those of the null directory depend on the
   * dialect.
   */
  #identity({ snapshot, name }: ImageId): [snapshotId: string, name: string] {
    if (snapshot !== NULL_DIRECTORY) return [snapshot, name]
    const { nullSnapshotId, dumpFinish, restoreFinish } = this.#options.dialect.client
    if (name === DUMP_FINISH) return [nullSnapshotId, dumpFinish]
    if (name === RESTORE_FINISH) return [nullSnapshotId, restoreFinish]
    return [nullSnapshotId, name]
  }
}

/** Returns the path of an image in the mount. */
export const pathOf = ({ snapshot, name }: ImageId): string => `${snapshot}/${name}`
