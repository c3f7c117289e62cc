import { setTimeout as pause } from 'node:timers/promises'
import {
  type Case,
  expectImage,
  expectOneOf,
  expectVersion,
  MEGABYTE,
  someBytes,
  times,
} from '../../harness/conformance/index.ts'
import { forwardAppend, imageOnLink } from '../model/cache.ts'
import {
  GROWTH,
  keepVersions,
  paused,
  pausedReader,
  type Reading,
  sizes,
  TAKES_NOTHING,
  VERSION,
} from '../model/readers.ts'

/*
 * Cases for the cache: a reader that has its reply gets its version to the last byte, or a reset,
 * whatever comes on the link, however the link ends, and when the restore is finished (L7, E1b).
 */

/** Returns a case in which the link is lost inside a second version while readers are paused. */
const linkLost = (id: string, how: 'end' | 'reset'): Case => ({
  id,
  clauses: ['L7', 'W7', 'C1'],
  role: 'cache',
  about:
    `Readers stop inside an image of ${VERSION} bytes. Half of its second version comes, and the ` +
    `link ${how === 'end' ? 'ends' : 'is reset'}. They read on and get the first version, or a ` +
    'reset, and later reads get the first version whole.',
  async run(cache) {
    const version = someBytes(VERSION, cache.seed)
    await cache.forward('1', 'a.img', version)
    const readers = await Promise.all(times(3, () => pausedReader(cache, 'a.img')))
    const next = imageOnLink('1', 'a.img', someBytes(VERSION, 2))
    await cache.link.send(next.subarray(0, VERSION / 2))
    const waiter = await cache.openRead('1', 'missing.img')
    if (how === 'end') cache.closeLink()
    else cache.resetLink()
    // The answer to a missing image shows that the cache knows of the end.
    await cache.answer(waiter, 'a read that waits at the end of the link')
    await keepVersions(
      cache,
      readers.map((reader) => ({ reader, version })),
      'the link was lost inside the next version',
    )
    expectImage(await cache.read('1', 'a.img'), version, 'L7', 'a read after the link was lost')
  },
})

export const cases: readonly Case[] = [
  {
    id: 'cache-reader-of-a-growing-image',
    clauses: ['L7', 'D2'],
    role: 'cache',
    about:
      `Five readers stop inside an image of ${VERSION} bytes, one before each of five appends of ` +
      `${GROWTH} bytes. They read on: each gets the version of its reply, no byte more, or a reset.`,
    async run(cache) {
      let version = someBytes(VERSION, cache.seed)
      await forwardAppend(cache, '1', 'a.img', Buffer.alloc(0), version)
      const all: Reading[] = []
      for (const at of times(5, (index) => index)) {
        all.push({ reader: await pausedReader(cache, 'a.img'), version })
        const more = someBytes(GROWTH, at)
        await forwardAppend(cache, '1', 'a.img', version, more)
        version = Buffer.concat([version, more])
        await cache.drained()
        expectImage(await cache.read('1', 'a.img'), version, 'D2', 'a read after an append')
      }
      await keepVersions(cache, all, 'the image was appended to')
    },
  },
  {
    id: 'cache-reader-of-a-shrinking-image',
    clauses: ['L7', 'W4'],
    role: 'cache',
    about:
      `Readers stop inside images of ${VERSION} bytes and less, one before each of four shorter ` +
      'versions, the last of them empty. They read on: each gets the version of its reply, or a ' +
      'reset.',
    async run(cache) {
      let version = someBytes(VERSION, cache.seed)
      await cache.forward('1', 'a.img', version)
      const all: Reading[] = []
      for (const size of [VERSION - 1, MEGABYTE, 10, 0]) {
        all.push({ reader: await pausedReader(cache, 'a.img'), version })
        version = someBytes(size, size)
        await cache.forward('1', 'a.img', version)
        await cache.drained()
        expectImage(await cache.read('1', 'a.img'), version, 'L7', 'a read after a new version')
      }
      await keepVersions(cache, all, 'a shorter version came')
    },
  },
  {
    id: 'cache-waiters-while-the-next-version-comes',
    clauses: ['L7', 'C2'],
    role: 'cache',
    about:
      `Clients wait for an image of ${VERSION} bytes. It comes, directly followed by the first half ` +
      'of a version of another size, and the clients stop inside it. The rest of the next version ' +
      'comes. Each client gets its version whole, or a reset.',
    async run(cache) {
      const version = someBytes(VERSION, cache.seed)
      const next = imageOnLink('1', 'a.img', someBytes(VERSION + GROWTH, 2))
      const waiters = await Promise.all(times(4, () => cache.openRead('1', 'a.img')))
      const first = Buffer.concat([imageOnLink('1', 'a.img', version), next.subarray(0, MEGABYTE)])
      const sent = cache.link.send(first)
      for (const waiter of waiters) await paused(cache, waiter)
      await sent
      await cache.link.send(next.subarray(MEGABYTE))
      await cache.drained()
      await keepVersions(
        cache,
        waiters.map((reader) => ({ reader, version })),
        'the next version came',
      )
    },
  },
  {
    id: 'cache-waiters-of-two-versions-at-once',
    clauses: ['L7', 'C2'],
    role: 'cache',
    about:
      'Clients wait for an image. While the cache is stopped, two versions of it come at once. ' +
      'Each client gets one of them whole.',
    async run(cache) {
      const [first, second] = [someBytes(40_000, 1), someBytes(30, 2)]
      const waiters = await Promise.all(times(6, () => cache.openRead('1', 'a.img')))
      await cache.stillServes('C2')
      await cache.whileStopped(async () => {
        await cache.forward('1', 'a.img', first)
        await cache.forward('1', 'a.img', second)
      })
      const what = 'a read that waits while two versions come'
      for (const waiter of waiters)
        expectOneOf(await cache.answer(waiter, what), [first, second], 'L7', what)
      await cache.drained()
      expectImage(await cache.read('1', 'a.img'), second, 'L7', 'a read after both versions')
    },
  },
  linkLost('cache-readers-while-the-link-ends-inside-a-version', 'end'),
  linkLost('cache-readers-while-the-link-is-reset-inside-a-version', 'reset'),
  {
    id: 'cache-readers-while-the-link-ends',
    clauses: ['L7', 'C1', 'C3'],
    role: 'cache',
    about:
      `Readers have their replies for images of ${sizes.join(', ')} bytes when the link ends ` +
      'cleanly. They read on and get their images.',
    async run(cache) {
      const all: Reading[] = []
      for (const size of sizes) {
        const version = someBytes(size, size)
        await cache.forward('1', `${size}.img`, version)
        all.push({ reader: await pausedReader(cache, `${size}.img`), version })
      }
      const waiter = await cache.openRead('1', 'missing.img')
      cache.closeLink()
      await cache.answer(waiter, 'a read that waits at the end of the link')
      await keepVersions(cache, all, 'the link ended')
    },
  },
  {
    id: 'cache-finish-does-not-cut-readers-of-any-size',
    clauses: ['E1b', 'L7', 'E2'],
    role: 'cache',
    about:
      `Readers have their replies for images of ${sizes.join(', ')} bytes and take nothing for ` +
      `${TAKES_NOTHING} ms after the end of the link and of the restore. Each gets its whole image, ` +
      'and then the cache exits with 0.',
    async run(cache) {
      const all: Reading[] = []
      for (const size of sizes) {
        const version = someBytes(size, size)
        await cache.forward('1', `${size}.img`, version)
        all.push({ reader: await pausedReader(cache, `${size}.img`), version })
      }
      cache.closeLink()
      await cache.finishRestore()
      await pause(TAKES_NOTHING)
      for (const { reader, version } of all) {
        reader.socket.resume()
        const what = `the rest of an image of ${version.length} bytes, whose reader had its reply before the finish`
        expectImage(await cache.answer(reader, what), version, 'E1b', what)
      }
      await cache.cleanExit()
    },
  },
  {
    id: 'cache-end-of-the-link-after-the-finish-cuts-no-reader',
    clauses: ['E1b', 'L7', 'E2'],
    role: 'cache',
    about:
      `A reader has its reply for an image of ${VERSION} bytes, and the restore is finished. The ` +
      `link ends while the reader takes nothing for ${TAKES_NOTHING} ms. It gets the whole image, ` +
      'and then the cache exits with 0.',
    async run(cache) {
      const version = someBytes(VERSION, cache.seed)
      await cache.forward('1', 'a.img', version)
      const reader = await pausedReader(cache, 'a.img')
      await cache.finishRestore()
      await cache.forward('1', 'late.img', Buffer.from('after the finish'))
      cache.closeLink()
      await pause(TAKES_NOTHING)
      reader.socket.resume()
      const what = 'the rest of an image whose reader had its reply before the link ended'
      expectImage(await cache.answer(reader, what), version, 'E1b', what)
      await cache.cleanExit()
    },
  },
  {
    id: 'cache-finish-despite-a-reader-that-takes-nothing',
    clauses: ['E1b', 'L7', 'E2'],
    patience: 3,
    role: 'cache',
    about:
      'A reader has its reply and takes nothing more. The cache exits after the end of the link and ' +
      'the finish all the same, which may take it more than 10 s. The reader then finds a reset, ' +
      'or its whole version, and never a clean close before the last byte.',
    async run(cache) {
      const bytes = someBytes(VERSION, cache.seed)
      await cache.forward('1', 'a.img', bytes)
      const reader = await pausedReader(cache, 'a.img')
      cache.closeLink()
      await cache.finishRestore()
      await cache.exit({ clause: 'E1b', level: 'should' })
      reader.socket.resume()
      const what = 'the end of a reader that had its reply and took nothing more'
      expectVersion(await cache.answer(reader, what), bytes, what)
    },
  },
]
