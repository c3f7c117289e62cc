import t from 'tap'
import { isExplained } from './explain.ts'
import type { ImageHistory } from './history.ts'
import { append, forward, history, read, write } from './made.ts'

/* Histories that an order of their operations explains, and histories that none explains. */

const first = write(1, [1, 2, 3])
const second = write(2, [4, 5, 6])

const legal: Record<string, Partial<ImageHistory>> = {
  'no operation at all': {},
  'a read of an image that nobody writes': { reads: [read([1, 2], 'missing')] },
  'a write, and a read after it': { writes: [first], reads: [read([4, 5], [1])] },
  'a read during the close, which sees the image': { writes: [first], reads: [read([1, 3], [1])] },
  'a read during the close, which does not see it': {
    writes: [first],
    reads: [read([2, 9], 'missing')],
  },
  'two writers that were open at once, of which the first close wins': {
    writes: [write(1, [1, 3, 4]), write(2, [2, 5, 6])],
    reads: [read([7, 8], [1])],
  },
  'two appends that were open at once, in either order': {
    writes: [append(1, [1, 3, 4]), append(2, [2, 5, 6])],
    reads: [read([7, 8], [2, 1])],
  },
  'an append to an image that a write has begun to replace': {
    writes: [first, append(2, [4, 6, 7]), write(3, [5, 8, 9])],
    reads: [read([10, 11], [3, 2])],
  },
  'an empty image, which is read': {
    writes: [write(1, [1, 2, 3], { size: 0 })],
    reads: [read([4, 5], [])],
  },
  'an append to the bytes before the run': {
    initial: [0],
    writes: [append(1, [1, 2, 3])],
    reads: [read([4, 5], [0, 1])],
  },
  'both versions on the link': {
    writes: [first, second],
    link: [forward(7, [1]), forward(8, [2])],
  },
  'a version on the link that comes during the close': { writes: [first], link: [forward(3, [1])] },
  'an append on the link that contains the version before': {
    writes: [first, append(2, [4, 5, 6])],
    link: [forward(7, [1, 2])],
  },
  'a write after the finish that is dropped': {
    writes: [first, write(2, [8, 9, 10], { optional: true })],
    link: [forward(7, [1])],
    reads: [read([11, 12], [1])],
  },
  'a write after the finish that is forwarded': {
    writes: [first, write(2, [8, 9, 10], { optional: true })],
    link: [forward(7, [1]), forward(11, [2])],
  },
  'a cache that is behind the proxy': {
    writes: [first, second],
    reads: [read([7, 8], [2]), read([9, 10], [1], 'cache'), read([11, 12], [2], 'cache')],
  },
  'ENOENT at the cache after the end of the link': {
    reads: [read([1, 9], 'missing', 'cache')],
    linkEnds: 8,
  },
}

const illegal: Record<string, Partial<ImageHistory>> = {
  'a read after a closed write that finds nothing': {
    writes: [first],
    reads: [read([4, 5], 'missing')],
  },
  'a read after a second write that gets the first': {
    writes: [first, second],
    reads: [read([7, 8], [1])],
  },
  'a read that is answered before the close, and sees the image': {
    writes: [write(1, [1, 5, 6])],
    reads: [read([2, 3], [1])],
  },
  'a read that sees only the second of two appends': {
    writes: [append(1, [1, 2, 3]), append(2, [4, 5, 6])],
    reads: [read([7, 8], [2])],
  },
  'appends in the wrong order': {
    writes: [append(1, [1, 2, 3]), append(2, [4, 5, 6])],
    reads: [read([7, 8], [2, 1])],
  },
  'an append that replaces': { writes: [first, append(2, [4, 5, 6])], reads: [read([7, 8], [2])] },
  'a write that appends': { writes: [first, second], reads: [read([7, 8], [1, 2])] },
  'an append twice': {
    writes: [append(1, [1, 2, 3])],
    reads: [read([4, 5], [1, 1])],
  },
  'versions that go back at the proxy': {
    writes: [write(1, [1, 3, 4]), write(2, [2, 5, 6])],
    reads: [read([7, 8], [1]), read([9, 10], [2])],
  },
  'two readers that disagree on the order of two appends': {
    writes: [append(1, [1, 3, 4]), append(2, [2, 5, 6])],
    reads: [read([7, 8], [1, 2]), read([7, 9], [2, 1])],
  },
  'a reader between two closes that orders them, and a later one that reverses them': {
    writes: [write(1, [1, 3, 4]), write(2, [2, 7, 8])],
    reads: [read([5, 6], [1]), read([9, 10], [1])],
  },
  'an empty image that is missing': {
    writes: [write(1, [1, 2, 3], { size: 0 })],
    reads: [read([4, 5], 'missing')],
  },
  'a version that is lost on the link': { writes: [first, second], link: [forward(8, [2])] },
  'the last version lost on the link': {
    writes: [first, append(2, [4, 5, 6])],
    link: [forward(7, [1])],
  },
  'versions in the wrong order on the link': {
    writes: [first, second],
    link: [forward(7, [2]), forward(8, [1])],
  },
  'a version twice on the link': { writes: [first], link: [forward(7, [1]), forward(8, [1])] },
  'a version on the link before its close has begun': {
    writes: [write(1, [1, 5, 6])],
    link: [forward(4, [1])],
  },
  'an order on the link that a reader at the proxy contradicts': {
    writes: [write(1, [1, 3, 4]), write(2, [2, 5, 6])],
    reads: [read([7, 8], [2])],
    link: [forward(9, [2]), forward(10, [1])],
  },
  'versions that go back at the cache': {
    writes: [first, second],
    reads: [read([7, 8], [2], 'cache'), read([9, 10], [1], 'cache')],
  },
  'a version at the cache before its close has begun': {
    writes: [write(1, [1, 5, 6])],
    reads: [read([2, 3], [1], 'cache')],
  },
  'an old version at the cache after a barrier': {
    writes: [first, second],
    reads: [read([11, 12], [1], 'cache')],
    barriers: [{ sent: 7, seen: 10 }],
  },
  'ENOENT at the cache while the link is open': { reads: [read([1, 2], 'missing', 'cache')] },
  'ENOENT at the cache before the end of the link': {
    reads: [read([1, 2], 'missing', 'cache')],
    linkEnds: 5,
  },
  'ENOENT at the cache for an image that was forwarded': {
    writes: [first],
    reads: [read([6, 7], 'missing', 'cache')],
    linkEnds: 5,
  },
  'a read between a write after the finish and an older version': {
    writes: [first, write(2, [8, 9, 10], { optional: true })],
    reads: [read([11, 12], [2]), read([13, 14], [1])],
  },
}

for (const [title, parts] of Object.entries(legal))
  t.test(`an order explains ${title}`, async (t) => {
    t.equal(isExplained(history(parts)), true)
  })

for (const [title, parts] of Object.entries(illegal))
  t.test(`no order explains ${title}`, async (t) => {
    t.equal(isExplained(history(parts)), false)
  })
