import {
  type CacheUnderTest,
  type Case,
  type Connection,
  demand,
  describe,
  expectImage,
  expectMissing,
  header,
  O_WRONLY,
  someBytes,
  times,
} from '../../harness/conformance/index.ts'
import { forwardAppend, imageOnLink } from '../model/cache.ts'
import { expectWholeOrDropped, rounds } from '../model/stops.ts'

/*
 * Cases for the cache: reads, images, the end of the link and the finish of the restore wait in the
 * kernel together, in each order (C1 to C3, E2).
 */

/** Bytes that the buffers of a link hold while the cache is stopped. */
const ON_THE_LINK = 60_000

const images = times(3, (at) => ({ name: `${at}.img`, bytes: someBytes(at * 25_000, at + 1) }))

/** An image that no buffer holds, so that its reader can be cut. */
const HELD = { name: 'held.img', size: 3_000_000 }

/** An act while the cache is stopped. */
type Act = 'reads' | 'images' | 'end' | 'finish'

const acts: Record<Act, string> = {
  reads: 'three images, a large held one and a missing one are read',
  images: 'the three images come on the link',
  end: 'the link ends',
  finish: 'the restore is finished',
}

/** Returns a case in which the acts wait in this order. */
function inOrder(id: string, order: readonly Act[]): Case {
  const finishes = order.includes('finish')
  const told = order.map((act) => acts[act]).join(', then ')
  return {
    id: `cache-queued-${id}`,
    clauses: ['C2', 'C3', ...(finishes ? ['E2', 'L7'] : ['C1'])],
    role: 'cache',
    about:
      `While the cache is stopped, ${told}. ` +
      (finishes
        ? 'Each read gets its whole image, or is dropped because the cache has not answered it ' +
          'before the finish: none is cut with a clean close. The cache exits with 0.'
        : 'Each read gets its image, and that of the missing one ENOENT.'),
    async run(cache) {
      const held = someBytes(HELD.size, cache.seed)
      await cache.forward('1', HELD.name, held)
      await cache.stillServes('C2')
      const readers: Connection[] = []
      const work: Record<Act, () => Promise<unknown>> = {
        reads: async () => {
          for (const name of [...images.map((image) => image.name), 'missing.img', HELD.name])
            readers.push(await cache.openRead('1', name))
        },
        images: () =>
          cache.link.send(
            Buffer.concat(images.map(({ name, bytes }) => imageOnLink('1', name, bytes))),
          ),
        end: () => cache.link.end(),
        finish: () => cache.finishRestore(),
      }
      await cache.whileStopped(async () => {
        for (const act of order) await work[act]()
      })
      const large = readers.pop() as Connection
      await judge(cache, readers, finishes)
      const what = 'a read of a held image'
      const answer = await cache.answer(large, what)
      if (finishes) expectWholeOrDropped(answer, held, 'L7')
      else expectImage(answer, held, 'C1', what)
      if (!finishes) await cache.finishRestore()
      await cache.cleanExit()
    },
  }
}

/** Demands the images and ENOENT; beside a finish also no answer at all. */
async function judge(
  cache: CacheUnderTest,
  readers: readonly Connection[],
  finishes: boolean,
): Promise<void> {
  const what = 'a read of an image that came whole before the link ended'
  for (const [at, { bytes }] of images.entries()) {
    const answer = await cache.answer(readers[at] as Connection, what)
    if (finishes) expectWholeOrDropped(answer, bytes, 'L7')
    else expectImage(answer, bytes, 'C2', what)
  }
  const missing = await cache.answer(readers[images.length] as Connection, 'a read of no image')
  if (!finishes) return expectMissing(missing, 'C3')
  const permitted = { outcome: 'ENOENT or no reply, and no bytes', clause: 'C3' }
  const isRefused = missing.error !== 0 && missing.size === 0
  demand(isRefused, 'a read of an image that never came', permitted, describe(missing))
}

/** Lets a time in ms pass: shorter ones than a timer can wait for. */
function spin(time: number): void {
  for (const end = performance.now() + time; performance.now() < end; );
}

export const cases: readonly Case[] = [
  inOrder('reads-before-images-and-the-end', ['reads', 'images', 'end']),
  inOrder('images-before-reads-and-the-end', ['images', 'reads', 'end']),
  inOrder('images-and-the-end-before-reads', ['images', 'end', 'reads']),
  inOrder('finish-before-reads', ['finish', 'reads', 'images', 'end']),
  inOrder('finish-between-reads-and-images', ['reads', 'finish', 'images', 'end']),
  inOrder('finish-before-the-end', ['images', 'reads', 'finish', 'end']),
  inOrder('finish-after-the-end', ['images', 'end', 'reads', 'finish']),
  inOrder('finish-after-reads-and-the-end', ['reads', 'images', 'end', 'finish']),
  {
    id: 'cache-waiter-beside-its-image',
    clauses: ['C2', 'C1'],
    role: 'cache',
    about:
      'Three hundred times, an image comes up to 3 ms after the request to read it, or together ' +
      'with it. Each read gets its image: none misses the moment of its completion.',
    async run(cache) {
      await cache.stillServes('C2')
      for (const batch of times(10, (index) => index)) {
        const pairs = times(30, (at) => ({ name: `${batch}-${at}.img`, bytes: someBytes(at, at) }))
        const readers: Connection[] = []
        for (const [at, { name, bytes }] of pairs.entries()) {
          const read = async () => {
            readers.push(await cache.openRead('1', name))
          }
          const sent = () => cache.forward('1', name, bytes)
          if (at % 3 === 0) await Promise.all([sent(), read()])
          else {
            await read()
            spin(at / 10)
            await sent()
          }
        }
        const what = 'a read that comes together with its image'
        for (const [at, { bytes }] of pairs.entries())
          expectImage(await cache.answer(readers[at] as Connection, what), bytes, 'C2', what)
      }
    },
  },
  {
    id: 'cache-queued-waiters-and-images',
    clauses: ['C2', 'C1'],
    role: 'cache',
    about:
      'While the cache is stopped, four images come on the link and each is read, before or ' +
      'after it, again and again. Each read gets its image.',
    async run(cache) {
      await cache.stillServes('C2')
      for (const round of times(rounds(cache, 8), (index) => index)) {
        const readers: Connection[] = []
        const own = times(4, (at) => ({
          name: `${round}-${at}.img`,
          bytes: someBytes(((at * 7919) % ON_THE_LINK) / 4, at),
        }))
        await cache.whileStopped(async () => {
          for (const [at, { name, bytes }] of own.entries()) {
            const isEarly = (at + round) % 2 === 0
            if (isEarly) readers.push(await cache.openRead('1', name))
            await cache.forward('1', name, bytes)
            if (!isEarly) readers.push(await cache.openRead('1', name))
          }
        })
        const what = 'a read that waits in the kernel beside its image'
        for (const [at, { bytes }] of own.entries())
          expectImage(await cache.answer(readers[at] as Connection, what), bytes, 'C2', what)
      }
    },
  },
  {
    id: 'cache-waiters-that-left-with-their-image',
    clauses: ['C2', 'L8'],
    role: 'cache',
    about:
      'Six clients wait for an image. While the cache is stopped, three of them leave and the ' +
      'image comes. The others get it, and the cache goes on.',
    async run(cache) {
      for (const round of times(rounds(cache, 3), (index) => index)) {
        const [name, bytes] = [`${round}.img`, someBytes(ON_THE_LINK, round)]
        const waiters = await Promise.all(times(6, () => cache.openRead('1', name)))
        await cache.stillServes('C2')
        await cache.whileStopped(async () => {
          for (const waiter of waiters.splice(0, 3)) waiter.reset()
          await cache.forward('1', name, bytes)
        })
        const what = 'a read that waits while other readers of its image leave'
        for (const waiter of waiters)
          expectImage(await cache.answer(waiter, what), bytes, 'L8', what)
        await cache.stillServes('L8')
      }
    },
  },
  {
    id: 'cache-many-waiters-at-the-end',
    clauses: ['C2', 'C3', 'L4'],
    role: 'cache',
    about:
      'Thirty clients wait for one image and thirty for another. While the cache is stopped, the ' +
      'first image and the end of the link come. The first get their image, the others ENOENT.',
    async run(cache) {
      const bytes = someBytes(ON_THE_LINK, cache.seed)
      const here = await Promise.all(times(30, () => cache.openRead('1', 'here.img')))
      const gone = await Promise.all(times(30, () => cache.openRead('1', 'gone.img')))
      await cache.stillServes('C2')
      await cache.whileStopped(async () => {
        await cache.forward('1', 'here.img', bytes)
        await cache.link.end()
      })
      const what = 'waiting reads of an image that came whole before the link ended'
      for (const answer of await cache.answers(here, what, 'C2'))
        expectImage(answer, bytes, 'C2', what)
      const none = 'waiting reads of an image that never came'
      for (const answer of await cache.answers(gone, none, 'C3')) expectMissing(answer, 'C3', none)
    },
  },
  {
    id: 'cache-waiters-of-a-cut-image',
    clauses: ['W7', 'C3', 'L7'],
    role: 'cache',
    about:
      'While the cache is stopped, two images are read, the first comes whole and the second ' +
      'without its last byte, and the link ends. The first read gets its image, the second ENOENT.',
    async run(cache) {
      const bytes = someBytes(ON_THE_LINK / 2, cache.seed)
      await cache.stillServes('C2')
      const readers: Connection[] = []
      await cache.whileStopped(async () => {
        readers.push(await cache.openRead('1', 'whole.img'), await cache.openRead('1', 'cut.img'))
        const cut = imageOnLink('1', 'cut.img', bytes).subarray(0, -1)
        await cache.link.send(Buffer.concat([imageOnLink('1', 'whole.img', bytes), cut]))
        await cache.link.end()
      })
      const [whole, cut] = readers as [Connection, Connection]
      const what = 'a read of an image that came whole before the link was lost'
      expectImage(await cache.answer(whole, what), bytes, 'C2', what)
      const partial = 'a read of an image whose last byte never came'
      expectMissing(await cache.answer(cut, partial), 'W7', partial)
    },
  },
  {
    id: 'cache-versions-in-one-stop',
    clauses: ['L7', 'W4', 'W5'],
    role: 'cache',
    about:
      'While the cache is stopped, five versions of an image come, longer and shorter, empty as ' +
      'well, and then an image that is waited for. Reads after that one get the last version.',
    async run(cache) {
      for (const round of times(rounds(cache, 3), (index) => index)) {
        const versions = [9000, 10, 20_000, 0, 300].map((size) => someBytes(size, round + size))
        await cache.whileStopped(async () => {
          for (const version of versions) await cache.forward('1', 'a.img', version)
        })
        await cache.drained('W4')
        const what = 'a read after five versions of an image'
        expectImage(await cache.read('1', 'a.img'), versions.at(-1) as Buffer, 'L7', what)
      }
    },
  },
  {
    id: 'cache-appends-in-one-stop',
    clauses: ['D2', 'L6', 'W4'],
    role: 'cache',
    about:
      'While the cache is stopped, an image and three appends to it come in the form of the ' +
      'dialect. Reads after them get all bytes in order.',
    async run(cache) {
      let whole = Buffer.alloc(0)
      const parts = [ON_THE_LINK / 4, 10, 0, 5000].map((size, at) => someBytes(size, at))
      await cache.whileStopped(async () => {
        for (const part of parts) {
          await forwardAppend(cache, '1', 'a.img', whole, part)
          whole = Buffer.concat([whole, part])
        }
      })
      await cache.drained('D2')
      expectImage(await cache.read('1', 'a.img'), whole, 'D2', 'a read after the appends')
    },
  },
  {
    id: 'cache-header-apart-from-its-bytes',
    clauses: ['F2', 'C2', 'L7', 'C1'],
    role: 'cache',
    about:
      'The header of an image has come. While the cache is stopped, a client reads the image, and ' +
      'the first half of its bytes comes. It gets the whole image after the rest has come.',
    async run(cache) {
      const bytes = someBytes(ON_THE_LINK, cache.seed)
      const held = Buffer.from('held')
      await cache.forward('1', 'held.img', held)
      await cache.serves('1', 'held.img', held, 'C2')
      await cache.link.send(
        header({ snapshotId: '1', name: 'a.img', openMode: O_WRONLY, size: bytes.length }),
      )
      const readers: Connection[] = []
      await cache.whileStopped(async () => {
        readers.push(await cache.openRead('1', 'a.img'))
        await cache.link.send(bytes.subarray(0, ON_THE_LINK / 2))
        readers.push(await cache.openRead('1', 'a.img'))
      })
      // The cache has seen the requests: it serves a later one.
      await cache.serves('1', 'held.img', held, 'C1')
      await cache.link.send(bytes.subarray(ON_THE_LINK / 2))
      const what = 'a read of an image that was half here'
      for (const reader of readers) expectImage(await cache.answer(reader, what), bytes, 'L7', what)
    },
  },
]
