import { type Dialect, pullSnapshots, pushSnapshot } from '../../reference/index.ts'
import { Errno } from './errno.ts'

/** The directory that stands for the null snapshot id, and its two requests: a write of the one, a read of the other. */
export const NULL_DIRECTORY = 'null'
export const DUMP_FINISH = 'DUMP_FINISH'
export const RESTORE_FINISH = 'RESTORE_FINISH'

/*
 * Directories and `parent` links made into the list of snapshots (S2), and back.
 *
 * On the proxy's side a directory begins with mkdir; its first image or its `parent` link pushes it to the list. The
 * link's target must be the last of the list, since the list can say nothing else. On the cache's side any
 * directory may come yet, so every name is one; its `parent` is the entry before it in the list.
 */
export class Snapshots {
  readonly #server: string
  readonly #side: 'proxy' | 'cache'
  readonly #dialect: Dialect
  /** Snapshots begun through this mount, and whether CRIU gave each a parent. */
  readonly #begun = new Map<string, Promise<string | undefined>>()
  readonly #made = new Set<string>()

  constructor(server: string, side: 'proxy' | 'cache', dialect: Dialect) {
    this.#server = server
    this.#side = side
    this.#dialect = dialect
  }

  async exists(id: string): Promise<boolean> {
    if (this.#side === 'cache' || id === NULL_DIRECTORY || this.#made.has(id)) return true
    return (await this.#list()).includes(id)
  }

  /** All that this mount knows; on the cache's side those of the list, if it has come. */
  async known(): Promise<string[]> {
    const list = this.#side === 'proxy' ? await this.#list() : []
    return [...new Set([...list, ...this.#made])]
  }

  /** Resolves when the server has answered, whatever it is; a list is in all that hold an image (S2). */
  async signOfLife(): Promise<void> {
    await this.#list()
  }

  make(id: string): void {
    this.#made.add(id)
  }

  /** Before a snapshot's first image: it enters the list, without a parent unless a link was made. */
  async begin(id: string): Promise<void> {
    if (id === NULL_DIRECTORY) return
    const begun = this.#begun.get(id) ?? this.#push(id, undefined)
    this.#begun.set(id, begun)
    await begun
  }

  /** What a `parent` link does: `target` is `../ID` of the snapshot before. */
  async link(id: string, target: string): Promise<void> {
    const parent = /^\.\.\/([^/]+)\/?$/.exec(target)?.[1]
    if (parent === undefined)
      throw new Errno('EINVAL', `the parent of ${id}: expected ../ID, got ${target}`)
    if (this.#begun.has(id)) throw new Errno('EEXIST')
    const begun = this.#push(id, parent)
    this.#begun.set(id, begun)
    await begun.catch((thrown) => {
      this.#begun.delete(id)
      throw thrown
    })
  }

  /** The snapshot before this one; undefined if it has none. */
  async parent(id: string): Promise<string | undefined> {
    if (id === NULL_DIRECTORY) return undefined
    const begun = this.#begun.get(id)
    if (begun !== undefined) return begun
    if (this.#side === 'proxy' && this.#made.has(id)) return undefined
    const list = await this.#list()
    return list[list.lastIndexOf(id) - 1]
  }

  async #push(id: string, parent: string | undefined): Promise<string | undefined> {
    if (parent !== undefined) {
      const last = (await this.#list()).at(-1)
      if (last !== parent)
        throw new Errno(
          'EINVAL',
          `the parent of ${id}: expected the last snapshot, ${last}, got ${parent}`,
        )
    }
    await pushSnapshot(this.#server, id, this.#dialect)
    return parent
  }

  #list(): Promise<string[]> {
    return pullSnapshots(this.#server, this.#dialect)
  }
}
