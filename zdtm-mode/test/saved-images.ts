import { basename } from 'node:path'
import { fileOn, type Host, shell } from '../../harness/hosts/host.ts'
import type { Migration } from '../../harness/migration/migration.ts'
import { openRead } from '../../reference/index.ts'
import { writtenImages } from './checks/equal-images.ts'
import type { SeenOpen } from './relay.ts'

/*
 * Takes the images of a test for the report (--keep-img). Images are in memory only and end with
 * proxy and cache, which end before the verdict is known. So each test's images are taken before
 * that, and handed over only if the verdict asks for them.
 */

/** Deadline for one image from the cache or proxy of a failed test, in ms. */
const TIMEOUT = 5_000

type ReadImage = (snapshot: string, name: string) => Promise<Buffer | undefined>

/** Adds the images of a migration, from the cache or else from the proxy, and criu's logs. */
export async function takeImages(
  { source, destination }: Migration,
  opens: readonly SeenOpen[],
  saved: Map<string, Buffer>,
): Promise<void> {
  const readers = [destination, source].map(({ daemon }) => readerOf(daemon.socket))
  for (const [snapshot, name] of writtenImages(opens)) {
    const image = await readFirst(readers, snapshot, name)
    if (image !== undefined) saved.set(`${basename(snapshot)}/${basename(name)}`, image)
  }
  for (const { host, work } of [source, destination]) await takeLogs(host, work, saved)
}

async function readFirst(
  readers: readonly ReadImage[],
  snapshot: string,
  name: string,
): Promise<Buffer | undefined> {
  for (const read of readers) {
    const image = await read(snapshot, name)
    if (image !== undefined) return image
  }
  return undefined
}

/**
 * Returns a function that reads images from a daemon: undefined for an image that the daemon does
 * not have or fails to send. A daemon that hangs once is not asked again, or a failed test with
 * many images would take minutes.
 */
function readerOf(socket: string): ReadImage {
  let hangs = false
  return async (snapshot, name) => {
    if (hangs) return undefined
    const deadline = AbortSignal.timeout(TIMEOUT)
    try {
      const reading = await openRead(socket, snapshot, name, deadline)
      const pieces: Buffer[] = []
      await reading?.bytes((piece) => pieces.push(piece))
      return reading && Buffer.concat(pieces)
    } catch {
      hangs = deadline.aborted
      return undefined
    }
  }
}

async function takeLogs(host: Host, work: string, saved: Map<string, Buffer>): Promise<void> {
  const names = await shell(host, 'cd "$1" && ls | grep "[.]log$" || :', [work])
  for (const name of names.split('\n').filter(Boolean))
    saved.set(name, (await fileOn(host, `${work}/${name}`)) ?? Buffer.alloc(0))
}
