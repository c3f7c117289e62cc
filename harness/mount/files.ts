import { constants } from 'node:fs'
import type { Dialect, Log } from '../../reference/index.ts'
import { Changes } from '../changes.ts'
import { Errno } from './errno.ts'
import { LocalFile } from './local-file.ts'
import { ReadingImage } from './reading-image.ts'
import type { FileSystem } from './session.ts'
import { DUMP_FINISH, NULL_DIRECTORY, RESTORE_FINISH, Snapshots } from './snapshots.ts'
import { modeOf, type Node, ROOT, Tree } from './tree.ts'
import type { Attributes, Entry } from './wire.ts'
import { WritingImage } from './writing-image.ts'

/*
 * The mount's files: DIR/ID/NAME is image NAME of snapshot ID.
 *
 * A look-up of an image says yes without asking anybody, and nothing of it is kept by the kernel: the open that
 * follows is the request, so that opens and connections are one to one, and creating a file does not first ask for it.
 *
 * Names that do not end in `.img` are what CRIU keeps on its own node (logs, stats-dump, irmap-cache): they
 * live in the mount's memory. Opening for reading and writing at once (--auto-dedup), rename, link, sockets and holes
 * are refused.
 *
 * A file's last close reaches the mount after close(2) returned. So that no request overtakes an image, reading
 * an image waits for its own writer, and a write under `null` (the end of the dump) for all of them; it fails if an
 * image was lost, which close(2) could not say.
 */

/**
 * Size of an image as a look-up tells it, over that of any: fstat asks again, but since Linux 6.5 sendfile and splice
 * trust it, and would find an image of 0 bytes at its end. The first short read corrects it.
 */
const UNKNOWN_SIZE = 2 ** 50

type Handle = { node: number } & (
  | { reading: ReadingImage }
  | { writing: WritingImage; path: string }
  | { file: LocalFile; append: boolean }
)

export interface FilesOptions {
  /** UNIX socket of the proxy or cache. */
  server: string
  side: 'proxy' | 'cache'
  dialect: Dialect
  log: Log
  onWritten: (path: string, size: number) => void
}

export class Files implements FileSystem {
  readonly #options: FilesOptions
  readonly #snapshots: Snapshots
  readonly #tree = new Tree()
  readonly #handles = new Map<number, Handle>()
  readonly #local = new Map<string, LocalFile>()
  /** Images that are being completed, by path, and those whose completion failed. */
  readonly #ending = new Map<string, Promise<void>>()
  readonly #lost = new Map<string, string>()
  /** Images written through this mount, by path. */
  readonly #written = new Set<string>()
  readonly #released = new Changes()
  readonly #closing = new AbortController()
  #nextHandle = 1

  constructor(options: FilesOptions) {
    this.#options = options
    this.#snapshots = new Snapshots(options.server, options.side, options.dialect)
  }

  async lookup(parent: number, name: string): Promise<Attributes> {
    const directory = this.#node(parent)
    if (directory.kind === 'root') {
      if (!(await this.#snapshots.exists(name))) throw new Errno('ENOENT')
      return this.#enter({ kind: 'snapshot', id: name })
    }
    const snapshot = idOf(directory)
    if (name === 'parent' && snapshot !== NULL_DIRECTORY) {
      if ((await this.#snapshots.parent(snapshot)) === undefined) throw new Errno('ENOENT')
      return this.#enter({ kind: 'parent', snapshot })
    }
    if (isImage(snapshot, name)) return this.#enter({ kind: 'image', snapshot, name }, UNKNOWN_SIZE)
    const file = this.#local.get(`${snapshot}/${name}`)
    if (file === undefined) throw new Errno('ENOENT')
    return this.#enter({ kind: 'local', snapshot, name, file }, file.size)
  }

  forget(node: number, times: number): void {
    this.#tree.forget(node, times)
  }

  async attributes(number: number, handle: number | undefined): Promise<Attributes> {
    const node = this.#node(number)
    const mode = modeOf[node.kind]
    if (node.kind === 'local') return { node: number, mode, size: node.file.size }
    if (node.kind !== 'image') return { node: number, mode, size: 0 }
    return { node: number, mode, size: await this.#imageSize(number, node, handle) }
  }

  async resize(number: number, size: number): Promise<Attributes> {
    const node = this.#node(number)
    if (node.kind === 'local') node.file.resize(size)
    else if (size !== 0) throw new Errno('EOPNOTSUPP', 'resizing an image')
    return { node: number, mode: modeOf[node.kind], size }
  }

  async readLink(number: number): Promise<string> {
    const node = this.#node(number)
    const parent = node.kind === 'parent' ? await this.#snapshots.parent(node.snapshot) : undefined
    if (parent === undefined) throw new Errno('EINVAL')
    return `../${parent}`
  }

  async makeLink(parent: number, name: string, target: string): Promise<Attributes> {
    const snapshot = idOf(this.#node(parent))
    if (name !== 'parent' || this.#options.side === 'cache')
      throw new Errno('EPERM', `a link named ${name}`)
    await this.#snapshots.link(snapshot, target)
    return this.#enter({ kind: 'parent', snapshot })
  }

  async makeDirectory(parent: number, name: string): Promise<Attributes> {
    if (parent !== ROOT) throw new Errno('EPERM', 'a directory inside a snapshot')
    if (await this.#snapshots.exists(name)) throw new Errno('EEXIST')
    this.#snapshots.make(name)
    return this.#enter({ kind: 'snapshot', id: name })
  }

  async unlink(parent: number, name: string): Promise<void> {
    const path = `${idOf(this.#node(parent))}/${name}`
    if (this.#local.delete(path)) return
    const writers = [...this.#handles.values()].flatMap((handle) =>
      'writing' in handle && handle.path === path ? [handle.writing] : [],
    )
    if (this.#written.has(path)) throw new Errno('EPERM', `${path} has been sent`)
    if (writers.length === 0) throw new Errno('ENOENT')
    if (!writers.every((writing) => writing.drop()))
      throw new Errno('EPERM', `${path} has been sent`)
  }

  async removeDirectory(): Promise<void> {
    throw new Errno('EPERM')
  }

  async list(number: number): Promise<Entry[]> {
    const node = this.#node(number)
    if (node.kind === 'root') {
      const ids = await this.#snapshots.known()
      return ids.map((id) => ({ name: id, node: this.#next(), mode: modeOf.snapshot }))
    }
    const prefix = `${idOf(node)}/`
    const paths = [...this.#written, ...this.#local.keys()].filter((path) =>
      path.startsWith(prefix),
    )
    return paths.map((path) => ({
      name: path.slice(prefix.length),
      node: this.#next(),
      mode: modeOf.image,
    }))
  }

  async access(number: number): Promise<void> {
    const node = this.#node(number)
    if (node.kind === 'image') await this.#imageSize(number, node, undefined)
  }

  async open(number: number, flags: number): Promise<number> {
    const node = this.#node(number)
    if (node.kind === 'local') return this.#openLocal(number, node.file, flags)
    if (node.kind !== 'image') throw new Errno('EISDIR')
    const access = flags & 3
    // In the null directory it is a write, since some touch (busybox's) opens for both.
    if (access === constants.O_RDWR && node.snapshot !== NULL_DIRECTORY)
      throw new Errno('EOPNOTSUPP', `opening image ${pathOf(node)} for reading and writing`)
    if (access === constants.O_RDONLY) return this.#openRead(number, node)
    return this.#openWrite(number, node, flags & constants.O_APPEND ? 'append' : 'write')
  }

  async create(
    parent: number,
    name: string,
    flags: number,
  ): Promise<{ attributes: Attributes; handle: number }> {
    const snapshot = idOf(this.#node(parent))
    if (isImage(snapshot, name)) throw new Errno('EEXIST')
    const path = `${snapshot}/${name}`
    const file = this.#local.get(path) ?? new LocalFile()
    this.#local.set(path, file)
    const attributes = this.#enter({ kind: 'local', snapshot, name, file })
    return { attributes, handle: this.#openLocal(attributes.node, file, flags) }
  }

  async read(number: number, offset: number, size: number): Promise<Buffer[]> {
    const handle = this.#handle(number)
    if ('reading' in handle) return handle.reading.read(offset, size)
    if ('file' in handle) return [handle.file.read(offset, size)]
    throw new Errno('EBADF')
  }

  async write(number: number, offset: number, bytes: Buffer): Promise<{ sent: Promise<void> }> {
    const handle = this.#handle(number)
    if ('writing' in handle) return handle.writing.write(offset, bytes)
    if (!('file' in handle)) throw new Errno('EBADF')
    handle.file.write(handle.append ? handle.file.size : offset, bytes)
    return { sent: Promise.resolve() }
  }

  release(number: number): void {
    const handle = this.#handles.get(number)
    this.#handles.delete(number)
    if (handle === undefined) return
    if ('reading' in handle) handle.reading.close()
    if ('writing' in handle && !handle.writing.isDropped)
      this.#endWrite(handle.writing, handle.path)
    this.#released.notify()
  }

  close(): void {
    this.#closing.abort()
    for (const handle of this.#handles.values()) {
      if ('reading' in handle) handle.reading.close()
      if ('writing' in handle) handle.writing.abandon()
    }
    this.#handles.clear()
  }

  #openLocal(node: number, file: LocalFile, flags: number): number {
    if (flags & constants.O_TRUNC) file.resize(0)
    return this.#register({ node, file, append: (flags & constants.O_APPEND) !== 0 })
  }

  async #openRead(number: number, node: Node & { kind: 'image' }): Promise<number> {
    await this.#ending.get(pathOf(node))
    const reading = await this.#read(node)
    return this.#register({ node: number, reading })
  }

  async #openWrite(
    number: number,
    node: Node & { kind: 'image' },
    kind: 'write' | 'append',
  ): Promise<number> {
    if (this.#options.side === 'cache')
      throw new Errno('EROFS', 'images reach a cache from its proxy only')
    const path = pathOf(node)
    if (node.snapshot === NULL_DIRECTORY) await this.#allWritten()
    else await this.#snapshots.begin(node.snapshot)
    await this.#ending.get(path)
    const writing = new WritingImage(this.#options.server, ...this.#wireName(node), kind)
    return this.#register({ node: number, writing, path })
  }

  #endWrite(writing: WritingImage, path: string): void {
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

  /** Resolves when every image written through this mount has been taken by the proxy; EIO if one was lost, or the proxy. */
  async #allWritten(): Promise<void> {
    const isOpen = (handle: Handle) =>
      'writing' in handle && !handle.path.startsWith(`${NULL_DIRECTORY}/`)
    await this.#released.until(() => ![...this.#handles.values()].some(isOpen))
    await Promise.all(this.#ending.values())
    const [path] = this.#lost.keys()
    if (path !== undefined) throw new Errno('EIO', `${path} was lost`)
    await this.#snapshots.signOfLife()
  }

  async #imageSize(
    number: number,
    node: Node & { kind: 'image' },
    handle: number | undefined,
  ): Promise<number> {
    const open =
      handle === undefined
        ? [...this.#handles.values()].findLast((each) => each.node === number)
        : this.#handles.get(handle)
    if (open !== undefined && 'writing' in open) return open.writing.size
    if (open !== undefined && 'reading' in open) return open.reading.size()
    await this.#ending.get(pathOf(node))
    const reading = await this.#read(node)
    return reading.size().finally(() => reading.close())
  }

  async #read(node: Node & { kind: 'image' }): Promise<ReadingImage> {
    try {
      const isFinish = node.snapshot === NULL_DIRECTORY && node.name === RESTORE_FINISH
      const signOfLife = isFinish ? undefined : () => this.#snapshots.signOfLife()
      return await ReadingImage.open(
        this.#options.server,
        ...this.#wireName(node),
        this.#closing.signal,
        signOfLife,
      )
    } catch (thrown) {
      if (thrown instanceof Errno) throw thrown
      if (this.#closing.signal.aborted) throw new Errno('EIO')
      this.#options.log.error(
        `${pathOf(node)}: ${thrown instanceof Error ? thrown.message : thrown}`,
      )
      throw new Errno('EIO')
    }
  }

  /** Snapshot id and name on the wire: the null directory and its two requests have other names in each dialect. */
  #wireName({ snapshot, name }: Node & { kind: 'image' }): [string, string] {
    if (snapshot !== NULL_DIRECTORY) return [snapshot, name]
    const { nullSnapshotId, dumpFinish, restoreFinish } = this.#options.dialect.client
    if (name === DUMP_FINISH) return [nullSnapshotId, dumpFinish]
    if (name === RESTORE_FINISH) return [nullSnapshotId, restoreFinish]
    return [nullSnapshotId, name]
  }

  #register(handle: Handle): number {
    const number = this.#nextHandle++
    this.#handles.set(number, handle)
    return number
  }

  #enter(node: Node, size = 0): Attributes {
    return { node: this.#tree.enter(node), mode: modeOf[node.kind], size }
  }

  #next(): number {
    return 2 ** 32 + this.#nextHandle++
  }

  #node(number: number): Node {
    const node = this.#tree.get(number)
    if (node === undefined) throw new Errno('ESTALE')
    return node
  }

  #handle(number: number): Handle {
    const handle = this.#handles.get(number)
    if (handle === undefined) throw new Errno('EBADF')
    return handle
  }
}

const pathOf = (node: Node & { kind: 'image' }) => `${node.snapshot}/${node.name}`

function idOf(node: Node): string {
  if (node.kind !== 'snapshot') throw new Errno('ENOTDIR')
  return node.id
}

/** Whether a name goes through the protocol. */
function isImage(snapshot: string, name: string): boolean {
  return snapshot === NULL_DIRECTORY || name.endsWith('.img')
}
