import type { Migration } from '../../../harness/migration/migration.ts'
import { decodePageMap } from '../../../proto/index.ts'
import { pullSnapshots, readImage } from '../../../reference/index.ts'
import type { SeenOpen } from '../relay.ts'
import { writtenImages } from './equal-images.ts'
import { expect } from './expect.ts'
import { snapshotsInUse } from './page-chain.ts'

/*
 * Checks that increments were increments. A restore that works does not show it: a dump that finds
 * no parent writes all pages.
 */

type Pages = Readonly<{ written: number; skipped: number }>

/**
 * Throws a Violation unless each dump but the first left pages to its parent, and both daemons list
 * the snapshots in order.
 */
export async function expectIncrements(
  { source, destination, snapshots }: Migration,
  opens: readonly SeenOpen[],
  dumps: readonly Pages[],
): Promise<void> {
  for (const [at, pages] of dumps.entries()) {
    if (at === 0) continue
    const snapshot = snapshots[at] as string
    expectPagesLeft(snapshot, pages)
    await expectParentInMaps(snapshot, opens, destination.daemon.socket)
  }
  await expectList('proxy', source.daemon.socket, snapshots)
  await expectList('cache', destination.daemon.socket, snapshots)
}

/** CRIU's own statistics. */
function expectPagesLeft(snapshot: string, { written, skipped }: Pages): void {
  const what = `pages that dump ${snapshot} left to its parent`
  expect(skipped > 0, what, 'some', `none, and ${written} written`, { clause: 'S3' })
}

/** The page maps at the cache. */
async function expectParentInMaps(
  snapshot: string,
  opens: readonly SeenOpen[],
  cache: string,
): Promise<void> {
  const ranges = await Promise.all(
    pageMapsOf(snapshot, opens).map(async (name) =>
      decodePageMap((await readImage(cache, snapshot, name)) as Buffer),
    ),
  )
  const what = `page maps of snapshot ${snapshot}`
  const someInParent = ranges.flat().some(({ inParent }) => inParent)
  expect(someInParent, what, 'ranges that the parent has', 'none', { clause: 'S3' })
}

async function expectList(
  role: 'proxy' | 'cache',
  socket: string,
  snapshots: readonly string[],
): Promise<void> {
  const permitted = snapshots.join(' ')
  const list = (await pullSnapshots(socket)).join(' ')
  const what = `the list of snapshots at the ${role}`
  expect(list === permitted, what, permitted, list, { clause: 'S3', side: role })
}

/**
 * Throws a Violation unless the restore read pages of every snapshot before the last that has pages
 * of the restored processes. The page maps at the cache tell which snapshots those are. Many
 * programs write the same few pages, such as their stack, before each dump, so the last dump has
 * all pages of the one before again. Two facts need no page map: the first snapshot has the pages
 * that a program never changes, and with `grows` every snapshot has processes born before it that
 * change nothing.
 */
export async function expectReadThroughChain(
  { destination, snapshots }: Migration,
  opens: readonly SeenOpen[],
  grows: boolean,
): Promise<void> {
  const earlier = snapshots.slice(0, -1)
  const maps = pageMapsOf(snapshots.at(-1) as string, opens)
  const read = (snapshot: string, name: string) =>
    readImage(destination.daemon.socket, snapshot, name)
  const inUse = await snapshotsInUse(snapshots, maps, read)
  const needed = earlier.filter((snapshot, at) => grows || at === 0 || inUse.has(snapshot))
  const wasRead = snapshotsWithPagesRead(opens)
  for (const snapshot of needed) {
    const what = `pages of snapshot ${snapshot} during the restore`
    expect(wasRead.has(snapshot), what, 'a read of them', 'none', { clause: 'S3' })
  }
}

/** Returns the names of the page maps that CRIU wrote in this snapshot. */
const pageMapsOf = (snapshot: string, opens: readonly SeenOpen[]): string[] =>
  writtenImages(opens)
    .filter(([id, name]) => id === snapshot && name.startsWith('pagemap-'))
    .map(([, name]) => name)

/** Returns the snapshots of which the cache sent bytes of pages. */
function snapshotsWithPagesRead(opens: readonly SeenOpen[]): Set<string> {
  const reads = opens.filter(
    ({ role, purpose, name, bytes }) =>
      role === 'cache' && purpose === 'read' && name.startsWith('pages-') && bytes > 0,
  )
  return new Set(reads.map(({ snapshotId }) => snapshotId))
}
