import { decodePageMap } from '../../../proto/index.ts'

/*
 * Follows pages through the page maps of a chain of snapshots, as CRIU does when it restores: a
 * page whose entry says `in parent` is looked up in the page map of the same name in the snapshot
 * before.
 */

const PAGE_SIZE = 4096

/** For the address of each page: whether its bytes are in the snapshot itself or in its parent. */
type PageMap = Map<number, 'here' | 'parent'>

/**
 * Returns the snapshots before the last that have bytes of pages of the last one, given the names
 * of the last one's page maps and a function that reads an image.
 */
export async function snapshotsInUse(
  snapshots: readonly string[],
  names: readonly string[],
  read: (snapshot: string, name: string) => Promise<Buffer | undefined>,
): Promise<Set<string>> {
  const inUse = new Set<string>()
  for (const name of names) {
    const mapOf = async (snapshot: string) => pagesOf(await read(snapshot, name))
    for (const snapshot of await chainOf(snapshots, mapOf)) inUse.add(snapshot)
  }
  return inUse
}

/** Returns the snapshots before the last that have pages of one page map of the last. */
async function chainOf(
  snapshots: readonly string[],
  mapOf: (snapshot: string) => Promise<PageMap>,
): Promise<string[]> {
  const [last = '', ...earlier] = snapshots.toReversed()
  const found: string[] = []
  let wanted = [...(await mapOf(last))].flatMap(([page, place]) => (place === 'parent' ? page : []))
  for (const snapshot of earlier) {
    if (wanted.length === 0) break
    const map = await mapOf(snapshot)
    if (wanted.some((page) => map.get(page) === 'here')) found.push(snapshot)
    wanted = wanted.filter((page) => map.get(page) === 'parent')
  }
  return found
}

/** Returns the pages of a page map; none for an image that does not exist. */
function pagesOf(image: Buffer | undefined): PageMap {
  const map: PageMap = new Map()
  for (const { start, pages, inParent } of image === undefined ? [] : decodePageMap(image))
    for (let page = 0; page < pages; page++)
      map.set(start + page * PAGE_SIZE, inParent ? 'parent' : 'here')
  return map
}
