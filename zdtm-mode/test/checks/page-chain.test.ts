import t from 'tap'
import { codec } from '../../../proto/schema.ts'
import { snapshotsInUse } from './page-chain.ts'

/* Pages followed through made-up page maps. */

const PAGE = 4096
const PARENT = 1
const PRESENT = 4

t.test('a snapshot is in use if a page of the last one is there', async (t) => {
  const maps = {
    '1/pagemap-7.img': pageMap([0, 4, PRESENT]),
    '2/pagemap-7.img': pageMap([0, 1, PARENT], [1, 3, PRESENT]),
    '3/pagemap-7.img': pageMap([0, 2, PARENT], [2, 2, PRESENT]),
  }
  t.same(await inUse(maps, ['1', '2', '3']), ['1', '2'])
})

t.test('a snapshot of which every page is written again is not in use', async (t) => {
  const maps = {
    '1/pagemap-7.img': pageMap([0, 4, PRESENT]),
    '2/pagemap-7.img': pageMap([0, 2, PARENT], [2, 2, PRESENT]),
    '3/pagemap-7.img': pageMap([0, 2, PARENT], [2, 2, PRESENT]),
  }
  t.same(await inUse(maps, ['1', '2', '3']), ['1'])
})

t.test('a process born since has no page map in the parent', async (t) => {
  const maps = { '3/pagemap-7.img': pageMap([0, 4, PRESENT]) }
  t.same(await inUse(maps, ['1', '2', '3']), [])
})

async function inUse(maps: Record<string, Buffer>, snapshots: string[]): Promise<string[]> {
  const read = async (snapshot: string, name: string) => maps[`${snapshot}/${name}`]
  return [...(await snapshotsInUse(snapshots, ['pagemap-7.img'], read))].sort()
}

/** Returns a page map with ranges, each of a first page, a number of pages, and flags. */
function pageMap(...ranges: [first: number, pages: number, flags: number][]): Buffer {
  const head = Buffer.from([8, 1])
  const entries = ranges.map(([first, pages, flags]) =>
    codec('page_range').encode({ vaddr: first * PAGE, nr_pages: pages, flags }),
  )
  return Buffer.concat([Buffer.alloc(8), ...[head, ...entries].map(withLength)])
}

function withLength(entry: Uint8Array): Buffer {
  const length = Buffer.alloc(4)
  length.writeUInt32LE(entry.length)
  return Buffer.concat([length, entry])
}
