import { type Dialect, pullSnapshots, pushSnapshot } from '../../reference/index.ts'
import { Errno } from './errno.ts'

/**
 * The directory of the null snapshot id. A write of DUMP_FINISH and a read of RESTORE_FINISH in it
 * are requests.
 */
export const NULL_DIRECTORY = 'null'
export const DUMP_FINISH = 'DUMP_FINISH'
export const RESTORE_FINISH = 'RESTORE_FINISH'

/*
 * Translates directories and `parent` links to the list of snapshots (S2), and back.
 *
 * On the proxy's side mkdir makes a directory, and its first image or its `parent` link pushes the
 * snapshot to the list. The link's target must be the last snapshot of the list, because the list
 * cannot express another parent. On the cache's side any snapshot may still arrive, so every name
 * is a directory. Its `parent` is the entry before it in the list.
 */
export class Snapshots {
  readonly #server: string
  readonly #side: 'proxy' | 'cache'
  readonly #dialect: Dialect
  /** Snapshots that were pushed through this mount, each with the parent that CRIU gave it. */
  readonly #begun = new Map<string, Promise<string | undefined>>()
  /** Directories that were made through this mount. */
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

  /**
   * Returns the snapshots that this mount knows: the directories made here and, on the proxy's
   * side, the list of snapshots.
   */
  async known(): Promise<string[]> {
    const list = this.#side === 'proxy' ? await this.#list() : []
    return [...new Set([...list, ...this.#made])]
  }

  /**
   * Resolves when the server has answered a request: a read of the list, which every server with an
   * image holds (S2).
   */
  async signOfLife(): Promise<void> {
    await this.#list()
  }

  make(id: string): void {
    this.#made.add(id)
  }

  /** Pushes a snapshot before its first image, unless its `parent` link has done so. */
  async begin(id: string): Promise<void> {
    if (id === NULL_DIRECTORY) return
    const begun = this.#begun.get(id) ?? this.#push(id, undefined)
    this.#begun.set(id, begun)
    await begun
  }

  /**
   * Pushes a snapshot with a parent, as a `parent` link asks for. `target` is `../ID` of the
   * parent.
   */
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

  /** Returns the parent of a snapshot; undefined if it has none. */
  async parent(id: string): Promise<string | undefined> {
    if (id === NULL_DIRECTORY) return undefined
    const begun = this.#begun.get(id)
    if (begun !== undefined) return begun
    if (this.#side === 'proxy' && this.#made.has(id)) return undefined
    const list = await this.#list()
    return list[list.lastIndexOf(id) - 1]
  }

  /**
   * Pushes a snapshot and returns its parent. Throws EINVAL if the parent is not the last snapshot
   * of the list.
   */
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
