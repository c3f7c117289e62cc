import { Errno } from './errno.ts'
import type { LocalFile } from './local-file.ts'
import type { ReadingImage } from './reading-image.ts'
import type { WritingImage } from './writing-image.ts'

/** An open file of a mount: an image that is read or written, or a local file. */
export type OpenFile = { node: number } & (
  | { reading: ReadingImage }
  | { writing: WritingImage }
  | { file: LocalFile; append: boolean }
)

/** The open files of a mount, by the handles that the kernel knows. */
export class OpenFiles {
  readonly #files = new Map<number, OpenFile>()
  #nextHandle = 1

  /** Returns the new file's handle. */
  add(file: OpenFile): number {
    const handle = this.#nextHandle++
    this.#files.set(handle, file)
    return handle
  }

  /**
   * Returns the open file of a handle, or the last opened file of the node if the kernel gives no
   * handle.
   */
  find(node: number, handle: number | undefined): OpenFile | undefined {
    if (handle !== undefined) return this.#files.get(handle)
    return [...this.#files.values()].findLast((file) => file.node === node)
  }

  async read(handle: number, offset: number, size: number): Promise<Buffer[]> {
    const open = this.#get(handle)
    if ('reading' in open) return open.reading.read(offset, size)
    if ('file' in open) return [open.file.read(offset, size)]
    throw new Errno('EBADF')
  }

  /**
   * Resolves when the write may be answered; `sent` resolves when its bytes are no longer in use.
   */
  async write(handle: number, offset: number, bytes: Buffer): Promise<{ sent: Promise<void> }> {
    const open = this.#get(handle)
    if ('writing' in open) return open.writing.write(offset, bytes)
    if (!('file' in open)) throw new Errno('EBADF')
    open.file.write(open.append ? open.file.size : offset, bytes)
    return { sent: Promise.resolve() }
  }

  /** Removes and returns the open file of a handle. */
  remove(handle: number): OpenFile | undefined {
    const file = this.#files.get(handle)
    this.#files.delete(handle)
    return file
  }

  /** Closes all connections. Images that were being written are not completed. */
  close(): void {
    for (const file of this.#files.values()) {
      if ('reading' in file) file.reading.close()
      if ('writing' in file) file.writing.abandon()
    }
    this.#files.clear()
  }

  #get(handle: number): OpenFile {
    const file = this.#files.get(handle)
    if (file === undefined) throw new Errno('EBADF')
    return file
  }
}
