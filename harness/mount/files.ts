import { constants } from 'node:fs'
import { Errno } from './errno.ts'
import type { FileSystem } from './file-system.ts'
import { type ImageId, Images, type ImagesOptions, pathOf } from './images.ts'
import { LocalFile } from './local-file.ts'
import { OpenFiles } from './open-files.ts'
import type { Attributes, Entry } from './replies.ts'
import { NULL_DIRECTORY, Snapshots } from './snapshots.ts'
import { modeOf, type Node, ROOT, Tree } from './tree.ts'

/*
 * The mount's files: DIR/ID/NAME is image NAME of snapshot ID.
 *
 * A look-up of an image succeeds without a request to the server, and the kernel keeps none of its
 * attributes. The open that follows is the request. So opens and connections are one to one, and
 * the creation of a file does not first ask for it.
 *
 * Files whose names do not end in `.img` are files that CRIU keeps on its own node (logs,
 * stats-dump, irmap-cache). They live in the mount's memory. The mount refuses to open an image for
 * reading and writing at once (--auto-dedup), and refuses rename, link, sockets and holes.
 */

/**
 * Size of an image in the reply to a look-up, larger than any image. fstat asks again, but since
 * Linux 6.5 sendfile and splice trust this size, and would see the end of an image of 0 bytes. The
 * first short read corrects it.
 */
const UNKNOWN_SIZE = 2 ** 50

export class Files implements FileSystem {
  readonly #side: 'proxy' | 'cache'
  readonly #snapshots: Snapshots
  readonly #images: Images
  readonly #tree = new Tree()
  readonly #open = new OpenFiles()
  /** Local files, by path. */
  readonly #local = new Map<string, LocalFile>()
  #nextEntry = 2 ** 32

  constructor(options: ImagesOptions) {
    this.#side = options.side
    this.#snapshots = new Snapshots(options.server, options.side, options.dialect)
    this.#images = new Images(options, this.#snapshots)
  }

  async lookup(parent: number, name: string): Promise<Attributes> {
    const directory = this.#node(parent)
    if (directory.kind === 'root') return this.#lookupSnapshot(name)
    const snapshot = idOf(directory)
    if (name === 'parent' && snapshot !== NULL_DIRECTORY) return this.#lookupParent(snapshot)
    if (isImage(snapshot, name)) return this.#enter({ kind: 'image', snapshot, name }, UNKNOWN_SIZE)
    const file = this.#local.get(`${snapshot}/${name}`)
    if (file === undefined) throw new Errno('ENOENT')
    return this.#enter({ kind: 'local', snapshot, name, file }, file.size)
  }

  async #lookupSnapshot(id: string): Promise<Attributes> {
    if (!(await this.#snapshots.exists(id))) throw new Errno('ENOENT')
    return this.#enter({ kind: 'snapshot', id })
  }

  async #lookupParent(snapshot: string): Promise<Attributes> {
    if ((await this.#snapshots.parent(snapshot)) === undefined) throw new Errno('ENOENT')
    return this.#enter({ kind: 'parent', snapshot })
  }

  forget(node: number, times: number): void {
    this.#tree.forget(node, times)
  }

  async makeDirectory(parent: number, name: string): Promise<Attributes> {
    if (parent !== ROOT) throw new Errno('EPERM', 'a directory inside a snapshot')
    if (await this.#snapshots.exists(name)) throw new Errno('EEXIST')
    this.#snapshots.make(name)
    return this.#enter({ kind: 'snapshot', id: name })
  }

  async removeDirectory(): Promise<void> {
    throw new Errno('EPERM')
  }

  async makeLink(parent: number, name: string, target: string): Promise<Attributes> {
    const snapshot = idOf(this.#node(parent))
    if (name !== 'parent' || this.#side === 'cache')
      throw new Errno('EPERM', `a link named ${name}`)
    await this.#snapshots.link(snapshot, target)
    return this.#enter({ kind: 'parent', snapshot })
  }

  async readLink(number: number): Promise<string> {
    const node = this.#node(number)
    const parent = node.kind === 'parent' ? await this.#snapshots.parent(node.snapshot) : undefined
    if (parent === undefined) throw new Errno('EINVAL')
    return `../${parent}`
  }

  async list(number: number): Promise<Entry[]> {
    const node = this.#node(number)
    if (node.kind === 'root') {
      const ids = await this.#snapshots.known()
      return ids.map((id) => this.#entry(id, modeOf.snapshot))
    }
    const directory = `${idOf(node)}/`
    return [...this.#images.written(), ...this.#local.keys()]
      .filter((path) => path.startsWith(directory))
      .map((path) => this.#entry(path.slice(directory.length), modeOf.image))
  }

  async unlink(parent: number, name: string): Promise<void> {
    const path = `${idOf(this.#node(parent))}/${name}`
    if (!this.#local.delete(path)) this.#images.unlink(path)
  }

  async attributes(number: number, handle: number | undefined): Promise<Attributes> {
    const node = this.#node(number)
    return { node: number, mode: modeOf[node.kind], size: await this.#size(number, node, handle) }
  }

  async #size(number: number, node: Node, handle: number | undefined): Promise<number> {
    if (node.kind === 'local') return node.file.size
    return node.kind === 'image' ? this.#imageSize(number, node, handle) : 0
  }

  async #imageSize(number: number, image: ImageId, handle: number | undefined): Promise<number> {
    const open = this.#open.find(number, handle)
    if (open !== undefined && 'writing' in open) return open.writing.size
    if (open !== undefined && 'reading' in open) return open.reading.size()
    return this.#images.size(image)
  }

  async access(number: number): Promise<void> {
    const node = this.#node(number)
    if (node.kind === 'image') await this.#imageSize(number, node, undefined)
  }

  async resize(number: number, size: number): Promise<Attributes> {
    const node = this.#node(number)
    if (node.kind === 'local') node.file.resize(size)
    else if (size !== 0) throw new Errno('EOPNOTSUPP', 'resizing an image')
    return { node: number, mode: modeOf[node.kind], size }
  }

  async open(number: number, flags: number): Promise<number> {
    const node = this.#node(number)
    if (node.kind === 'local') return this.#openLocal(number, node.file, flags)
    if (node.kind !== 'image') throw new Errno('EISDIR')
    const access = flags & 3
    if (access === constants.O_RDONLY)
      return this.#open.add({ node: number, reading: await this.#images.read(node) })
    // Some programs (busybox's touch) open for both; in the null directory that means a write.
    if (access === constants.O_RDWR && node.snapshot !== NULL_DIRECTORY)
      throw new Errno('EOPNOTSUPP', `opening image ${pathOf(node)} for reading and writing`)
    const kind = flags & constants.O_APPEND ? 'append' : 'write'
    return this.#open.add({ node: number, writing: await this.#images.write(node, kind) })
  }

  #openLocal(node: number, file: LocalFile, flags: number): number {
    if (flags & constants.O_TRUNC) file.resize(0)
    return this.#open.add({ node, file, append: (flags & constants.O_APPEND) !== 0 })
  }

  /**
   * Creates a local file. The creation of an image is an open, because a look-up finds every image.
   */
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

  read(handle: number, offset: number, size: number): Promise<Buffer[]> {
    return this.#open.read(handle, offset, size)
  }

  write(handle: number, offset: number, bytes: Buffer): Promise<{ sent: Promise<void> }> {
    return this.#open.write(handle, offset, bytes)
  }

  release(handle: number): void {
    const open = this.#open.remove(handle)
    if (open === undefined) return
    if ('reading' in open) open.reading.close()
    if ('writing' in open) this.#images.complete(open.writing)
  }

  close(): void {
    this.#images.close()
    this.#open.close()
  }

  /** Returns an entry of a directory's listing. Its node number belongs to no other file. */
  #entry(name: string, mode: number): Entry {
    return { name, node: this.#nextEntry++, mode }
  }

  #enter(node: Node, size = 0): Attributes {
    return { node: this.#tree.enter(node), mode: modeOf[node.kind], size }
  }

  #node(number: number): Node {
    const node = this.#tree.get(number)
    if (node === undefined) throw new Errno('ESTALE')
    return node
  }
}

function idOf(node: Node): string {
  if (node.kind !== 'snapshot') throw new Errno('ENOTDIR')
  return node.id
}

/** Whether a file is an image, as opposed to a local file. */
function isImage(snapshot: string, name: string): boolean {
  return snapshot === NULL_DIRECTORY || name.endsWith('.img')
}
