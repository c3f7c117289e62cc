import type { Attributes, Entry } from './replies.ts'

/**
 * The operations of a mounted file system. Each throws an Errno, which the caller of the system
 * call gets.
 */
export interface FileSystem {
  lookup(parent: number, name: string): Promise<Attributes>
  forget(node: number, times: number): void
  attributes(node: number, handle: number | undefined): Promise<Attributes>
  resize(node: number, size: number): Promise<Attributes>
  readLink(node: number): Promise<string>
  makeLink(parent: number, name: string, target: string): Promise<Attributes>
  makeDirectory(parent: number, name: string): Promise<Attributes>
  unlink(parent: number, name: string): Promise<void>
  removeDirectory(parent: number, name: string): Promise<void>
  list(node: number): Promise<Entry[]>
  /** Throws ENOENT if the file does not exist. */
  access(node: number): Promise<void>
  open(node: number, flags: number): Promise<number>
  create(
    parent: number,
    name: string,
    flags: number,
  ): Promise<{ attributes: Attributes; handle: number }>
  read(handle: number, offset: number, size: number): Promise<Buffer[]>
  /**
   * Resolves when the write may be answered. The caller may use the bytes again when `sent` has
   * resolved, or when the write was rejected.
   */
  write(handle: number, offset: number, bytes: Buffer): Promise<{ sent: Promise<void> }>
  release(handle: number): void
  /**
   * Closes all open files after the end of the mount: the kernel releases none of them any more.
   */
  close(): void
}
