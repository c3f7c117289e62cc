import type { Migration } from '../../../harness/migration/migration.ts'
import { countInParent } from '../../../proto/index.ts'
import { pullSnapshots, readImage } from '../../../reference/index.ts'
import { expect } from '../finding.ts'
import type { SeenOpen } from '../relay.ts'
import { writtenImages } from './equal-images.ts'

/*
 * Whether increments were increments: a restore that works does not show it, since a dump that finds no parent just writes all.
 */

/** Throws a Finding unless each dump but the first left pages to its parent, and both sides list the snapshots in order. */
export async function expectIncrements(
  { source, destination, snapshots }: Migration,
  opens: readonly SeenOpen[],
  dumps: readonly { written: number; skipped: number }[],
): Promise<void> {
  for (const [at, { skipped, written }] of dumps.entries()) {
    if (at === 0) continue
    const snapshot = snapshots[at] as string
    expect(
      skipped > 0,
      `pages that dump ${snapshot} left to its parent`,
      'some',
      `none, and ${written} written`,
      'S3',
    )
    const maps = writtenImages(opens).filter(
      ([id, name]) => id === snapshot && name.startsWith('pagemap-'),
    )
    const counts = await Promise.all(
      maps.map(async ([id, name]) =>
        countInParent((await readImage(destination.daemon.socket, id, name)) as Buffer),
      ),
    )
    expect(
      counts.some((count) => count > 0),
      `page maps of snapshot ${snapshot}`,
      'ranges that the parent has',
      'none',
      'S3',
    )
  }
  for (const { role, socket } of [source.daemon, destination.daemon]) {
    const list = (await pullSnapshots(socket)).join(' ')
    expect(
      list === snapshots.join(' '),
      `the list of snapshots at the ${role}`,
      snapshots.join(' '),
      list,
      'S3',
    )
  }
}

/** Throws a Finding unless the restore read pages of every snapshot before the last. */
export function expectReadThroughChain(
  snapshots: readonly string[],
  opens: readonly SeenOpen[],
): void {
  const read = new Set(
    opens
      .filter(
        ({ role, purpose, name, bytes }) =>
          role === 'cache' && purpose === 'read' && name.startsWith('pages-') && bytes > 0,
      )
      .map(({ snapshotId }) => snapshotId),
  )
  for (const snapshot of snapshots.slice(0, 1)) {
    expect(
      read.has(snapshot),
      `pages of snapshot ${snapshot} during the restore`,
      'a read of them',
      'none',
      'S3',
    )
  }
}
