import { lstat, mkdir, readdir, readFile, rm, symlink } from 'node:fs/promises'
import { createServer } from 'node:net'
import { text } from 'node:stream/consumers'
import { localHost } from '../../harness/hosts/local.ts'
import { readDescriptor } from '../../harness/implementation/descriptor.ts'
import { referenceDescriptor } from '../../harness/implementation/start.ts'
import { Migration } from '../../harness/migration/migration.ts'
import { decodeDumpStatistics } from '../../proto/index.ts'
import type { Answer, Question } from './ask-keeper.ts'

/*
 * Keeps proxy, cache and mounts for the calls of `zdtm-mode/criu-bin/criu` that belong to one process: pre-dumps, a dump, a restore.
 *
 * It lives in the test's namespaces, with everything that it started. It ends behind the restore, when the cache has ended with exit 0;
 * behind a first dump that failed, since what is repeated needs a fresh pair; when nobody has called for a while; and with the namespaces.
 * zdtm.py counts the bytes of pages-* in the directory that it made, so that gets a link to each image of the mount.
 */

/** How long it waits for the next call, in ms. */
const IDLE = 600_000

class Keeper {
  readonly #migration: Migration
  readonly #links: string[] = []
  #dumps = 0
  #finished = false

  constructor(migration: Migration) {
    this.#migration = migration
  }

  /** Where criu finds, or puts, its images; throws what keeps it from it. */
  async begin(action: string, snapshot: string): Promise<Answer> {
    const { source, destination } = this.#migration
    if (action === 'restore') {
      if (!this.#finished) await this.#migration.finishDump()
      this.#finished = true
      return { images: `${destination.mount.directory}/${snapshot}` }
    }
    const images = `${source.mount.directory}/${snapshot}`
    await mkdir(images)
    return { images }
  }

  /** What belongs behind a criu; whether that was the last one. */
  async end(action: string, snapshot: string, work: string, code: number): Promise<boolean> {
    if (code !== 0) return action !== 'restore' && this.#dumps === 0
    if (action !== 'restore') {
      this.#dumps++
      await this.#link(snapshot, work)
      await this.#expectIncrement(work)
      return false
    }
    await this.#migration.finishRestore()
    await Promise.all(this.#links.map((link) => rm(link, { force: true })))
    return true
  }

  async #link(snapshot: string, work: string): Promise<void> {
    const images = `${this.#migration.source.mount.directory}/${snapshot}`
    for (const name of await readdir(images)) {
      const link = `${work}/${name}`
      if (await lstat(link).catch(() => undefined)) continue
      await symlink(`${images}/${name}`, link)
      this.#links.push(link)
    }
  }

  /** A dump that finds no parent writes all and works all the same. */
  async #expectIncrement(work: string): Promise<void> {
    if (this.#dumps === 1) return
    const { written, skipped } = decodeDumpStatistics(await readFile(`${work}/stats-dump`))
    if (skipped === 0)
      throw new Error(
        `dump ${this.#dumps}: expected pages that are left to its parent, got none, and ${written} written`,
      )
  }
}

async function main(state: string): Promise<void> {
  const host = localHost()
  const file = process.env['CRIU_REMOTE_IMPLEMENTATION']
  const descriptor = file === undefined ? referenceDescriptor(host) : await readDescriptor(file)
  const migration = await Migration.start({
    source: host,
    destination: host,
    descriptor,
    criu: 'criu',
  })
  const keeper = new Keeper(migration)
  const stop = async () => {
    await migration.stop()
    await host.stop()
    await rm(state, { recursive: true, force: true })
  }
  const over = Promise.withResolvers<void>()
  const idle = setTimeout(over.resolve, IDLE)
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP']) process.on(signal, () => over.resolve())
  const server = createServer({ allowHalfOpen: true }, async (socket) => {
    idle.refresh()
    const { answer, last } = await answerTo(keeper, JSON.parse(await text(socket)) as Question)
    // What comes next to the caller finds nothing of this left.
    if (last) await stop()
    socket.end(JSON.stringify(answer), () => last && process.exit())
  })
  server.listen(`${state}/keeper.sock`)
  await over.promise
  await stop()
  process.exit()
}

async function answerTo(
  keeper: Keeper,
  question: Question,
): Promise<{ answer: Answer; last: boolean }> {
  try {
    if ('begin' in question)
      return { answer: await keeper.begin(question.begin, question.snapshot), last: false }
    return {
      answer: { done: true },
      last: await keeper.end(question.end, question.snapshot, question.work, question.code),
    }
  } catch (thrown) {
    return { answer: { error: (thrown as Error).message }, last: 'end' in question }
  }
}

await main(process.argv[2] as string)
