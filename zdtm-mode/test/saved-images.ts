import { basename } from 'node:path'
import { fileOn, type Host, shell } from '../../harness/hosts/host.ts'
import type { Migration } from '../../harness/migration/migration.ts'
import { openRead } from '../../reference/index.ts'
import { writtenImages } from './checks/equal-images.ts'
import type { SeenOpen } from './relay.ts'

/*
 * Takes the images of a test for the report (--keep-img). Images are in memory only and end with proxy
 * and cache, which end before the verdict is known. So each test's images are taken before that, and
 * handed over only if the verdict asks for them.
 */

/** Deadline for one image from the cache or proxy of a test that failed, in ms. */
const TIMEOUT = 5_000

/** Adds the images of a migration, from the cache or else from the proxy, and criu's logs. */
export async function takeImages(
  { source, destination }: Migration,
  opens: readonly SeenOpen[],
  saved: Map<string, Buffer>,
): Promise<void> {
  for (const [snapshot, name] of writtenImages(opens)) {
    const image =
      (await readOrNone(destination.daemon.socket, snapshot, name)) ??
      (await readOrNone(source.daemon.socket, snapshot, name))
    if (image !== undefined) saved.set(`${basename(snapshot)}/${basename(name)}`, image)
  }
  for (const { host, work } of [source, destination]) await takeLogs(host, work, saved)
}

/** Returns an image; undefined if the daemon does not have it, fails or takes too long. */
async function readOrNone(
  server: string,
  snapshot: string,
  name: string,
): Promise<Buffer | undefined> {
  try {
    const reading = await openRead(server, snapshot, name, AbortSignal.timeout(TIMEOUT))
    const pieces: Buffer[] = []
    await reading?.bytes((piece) => pieces.push(piece))
    return reading && Buffer.concat(pieces)
  } catch {
    return undefined
  }
}

async function takeLogs(host: Host, work: string, saved: Map<string, Buffer>): Promise<void> {
  const names = await shell(host, 'cd "$1" && ls | grep "[.]log$" || :', [work])
  for (const name of names.split('\n').filter(Boolean))
    saved.set(name, (await fileOn(host, `${work}/${name}`)) ?? Buffer.alloc(0))
}
