import { lstat, mkdir, readdir, readFile, rm, symlink } from 'node:fs/promises'
import type { Migration } from '../../harness/migration/migration.ts'
import { decodeDumpStatistics } from '../../proto/index.ts'
import type { Action, Answer } from './question.ts'

/** One criu that has ended. */
interface Ended {
  snapshot: string
  /** The directory that zdtm.py made, with logs and statistics. */
  work: string
  /** Exit code. */
  code: number
}

/** A migration whose steps are calls of criu by zdtm.py. */
export class StepwiseMigration {
  readonly #migration: Migration
  readonly #links: string[] = []
  #dumps = 0
  #isFinished = false

  constructor(migration: Migration) {
    this.#migration = migration
  }

  /** Returns criu's images directory. Throws if it cannot be prepared. */
  async begin(action: Action, snapshot: string): Promise<Answer> {
    const { source, destination } = this.#migration
    if (action === 'restore') {
      if (!this.#isFinished) await this.#migration.finishDump()
      this.#isFinished = true
      return { images: `${destination.mount.directory}/${snapshot}` }
    }
    const images = `${source.mount.directory}/${snapshot}`
    await mkdir(images)
    return { images }
  }

  /** Finishes the step of a criu and returns whether it was the last one. */
  async end(action: Action, { snapshot, work, code }: Ended): Promise<boolean> {
    if (code !== 0) return action !== 'restore' && this.#dumps === 0
    if (action === 'restore') {
      await this.#migration.finishRestore()
      await Promise.all(this.#links.map((link) => rm(link, { force: true })))
      return true
    }
    this.#dumps++
    await this.#linkImages(snapshot, work)
    await this.#expectIncrement(work)
    return false
  }

  /**
   * Links each image into the directory that zdtm.py made: zdtm.py counts the bytes of pages-*
   * there.
   */
  async #linkImages(snapshot: string, work: string): Promise<void> {
    const images = `${this.#migration.source.mount.directory}/${snapshot}`
    for (const name of await readdir(images)) {
      const link = `${work}/${name}`
      if (await lstat(link).catch(() => undefined)) continue
      await symlink(`${images}/${name}`, link)
      this.#links.push(link)
    }
  }

  /** Throws if a dump found no parent: such a dump writes all pages and succeeds all the same. */
  async #expectIncrement(work: string): Promise<void> {
    if (this.#dumps === 1) return
    const { written, skipped } = decodeDumpStatistics(await readFile(`${work}/stats-dump`))
    if (skipped === 0)
      throw new Error(
        `dump ${this.#dumps}: expected pages that are left to its parent, got none, and ${written} written`,
      )
  }
}
