import { setTimeout as pause } from 'node:timers/promises'
import {
  type Case,
  type Connection,
  demand,
  expectImage,
  expectOneOf,
  expectVersion,
  MEGABYTE,
  O_APPEND,
  O_WRONLY,
  type ProxyUnderTest,
  someBytes,
  times,
} from '../../harness/conformance/index.ts'
import { endsCleanly, finishOn } from '../model/finish.ts'
import {
  GROWTH,
  keepVersions,
  pausedReader,
  type Reading,
  sizes,
  TAKES_NOTHING,
  VERSION,
} from '../model/readers.ts'
import { expectWholeOrDropped, FITS, rounds } from '../model/stops.ts'

/*
 * Cases for the proxy: a reader that has its reply gets its version to the last byte, or a reset,
 * whatever is written or finished meanwhile (L7, E1b).
 */

/** Changes the image `a.img` and waits until reads get the result. */
async function change(
  proxy: ProxyUnderTest,
  bytes: Buffer,
  result: Buffer,
  openMode: number,
): Promise<void> {
  await proxy.write('1', 'a.img', bytes, openMode)
  expectImage(await proxy.read('1', 'a.img'), result, 'L10', 'a read after the change')
}

export const cases: readonly Case[] = [
  {
    id: 'proxy-reader-of-a-growing-image',
    clauses: ['L7', 'L6'],
    needs: ['append'],
    role: 'proxy',
    about:
      `Five readers stop inside an image of ${VERSION} bytes, one before each of five appends of ` +
      `${GROWTH} bytes. They read on: each gets the version of its reply, no byte more, or a reset.`,
    async run(proxy) {
      let version = someBytes(VERSION, proxy.seed)
      await proxy.store('1', 'a.img', version)
      const readers: Reading[] = []
      for (const at of times(5, (index) => index)) {
        readers.push({ reader: await pausedReader(proxy, 'a.img'), version })
        const more = someBytes(GROWTH, at)
        version = Buffer.concat([version, more])
        await change(proxy, more, version, O_APPEND)
      }
      await keepVersions(proxy, readers, 'the image was appended to')
    },
  },
  {
    id: 'proxy-reader-of-a-shrinking-image',
    clauses: ['L7', 'L5'],
    role: 'proxy',
    about:
      `Readers stop inside images of ${VERSION} bytes and less, one before each of four writes ` +
      'that make the image shorter, at last empty. They read on: each gets the version of its ' +
      'reply, or a reset.',
    async run(proxy) {
      let version = someBytes(VERSION, proxy.seed)
      await proxy.store('1', 'a.img', version)
      const readers: Reading[] = []
      for (const size of [VERSION - 1, MEGABYTE, 10, 0]) {
        readers.push({ reader: await pausedReader(proxy, 'a.img'), version })
        version = someBytes(size, size)
        await change(proxy, version, version, O_WRONLY)
      }
      await keepVersions(proxy, readers, 'the image was rewritten')
    },
  },
  {
    id: 'proxy-reader-of-an-image-of-one-size',
    clauses: ['L7', 'L5'],
    role: 'proxy',
    about:
      `Readers stop inside an image of ${VERSION} bytes that is written again three times with ` +
      'other bytes of the same size. They read on: none gets bytes of two versions.',
    async run(proxy) {
      let version = someBytes(VERSION, proxy.seed)
      await proxy.store('1', 'a.img', version)
      const readers: Reading[] = []
      for (const at of times(3, (index) => index)) {
        readers.push({ reader: await pausedReader(proxy, 'a.img'), version })
        version = someBytes(VERSION, at)
        await change(proxy, version, version, O_WRONLY)
      }
      await keepVersions(proxy, readers, 'the image was rewritten')
    },
  },
  {
    id: 'proxy-reader-has-the-version-of-its-reply',
    clauses: ['L7', 'L9'],
    role: 'proxy',
    about:
      'Twenty times, a reader gets its reply, and the image is rewritten at once with another ' +
      'size. The reader gets the version before. A proxy that opens its image after the reply is ' +
      'found by chance only, since the two are close to each other.',
    async run(proxy) {
      let version = someBytes(1000, proxy.seed)
      await proxy.store('1', 'a.img', version)
      for (const at of times(20, (index) => index)) {
        const reader = await proxy.openRead('1', 'a.img')
        await proxy.waitFor('the reply', { outcome: 'error 0', clause: 'L3' }, reader.reply())
        const next = someBytes(at % 2 === 0 ? 500 + at : 2000 + at, at)
        await proxy.write('1', 'a.img', next)
        await keepVersions(proxy, [{ reader, version }], 'the image was rewritten')
        expectImage(await proxy.read('1', 'a.img'), next, 'L10', 'a read after the write')
        version = next
      }
    },
  },
  {
    id: 'proxy-reader-asks-before-a-write',
    clauses: ['L7', 'L10'],
    role: 'proxy',
    about:
      'While the proxy is stopped, an image is read, then written again and closed, and read ' +
      'again. The first read gets either version whole, the second one the new version.',
    async run(proxy) {
      let before = someBytes(FITS, proxy.seed)
      await proxy.store('1', 'a.img', before)
      for (const at of times(rounds(proxy, 4), (index) => index)) {
        const after = someBytes(at % 2 === 0 ? 10 : FITS - at, at)
        const readers: Connection[] = []
        await proxy.whileStopped(async () => {
          readers.push(await proxy.openRead('1', 'a.img'), await proxy.openRead('1', 'a.img'))
          await proxy.write('1', 'a.img', after)
          readers.push(await proxy.openRead('1', 'a.img'))
        })
        const what = 'a read that was opened before the write of a new version'
        for (const reader of readers.splice(0, 2))
          expectOneOf(await proxy.answer(reader, what), [before, after], 'L7', what)
        const late = 'a read that was opened after the close of the new version'
        expectImage(await proxy.answer(readers[0] as Connection, late), after, 'L10', late)
        before = after
      }
    },
  },
  {
    id: 'proxy-reader-asks-before-an-append',
    clauses: ['L7', 'L10', 'L6'],
    needs: ['append'],
    role: 'proxy',
    about:
      `While the proxy is stopped, an image of ${VERSION} bytes is read, then appended to, and read ` +
      'again. The first read gets the image before or after the append, whole, and the second one ' +
      'the image after it.',
    async run(proxy) {
      let before = someBytes(VERSION, proxy.seed)
      await proxy.store('1', 'a.img', before)
      for (const at of times(rounds(proxy, 3), (index) => index)) {
        const more = someBytes(GROWTH, at)
        const after = Buffer.concat([before, more])
        const readers: Connection[] = []
        await proxy.whileStopped(async () => {
          readers.push(await proxy.openRead('1', 'a.img'))
          await proxy.append('1', 'a.img', more)
          readers.push(await proxy.openRead('1', 'a.img'))
        })
        const [early, late] = readers as [Connection, Connection]
        const what = 'a read that was opened before an append'
        expectOneOf(await proxy.answer(early, what), [before, after], 'L7', what)
        const second = 'a read that was opened after the close of an append'
        expectImage(await proxy.answer(late, second), after, 'L10', second)
        before = after
      }
    },
  },
  {
    id: 'proxy-finish-does-not-cut-readers-of-any-size',
    clauses: ['E1b', 'L7', 'E1'],
    role: 'proxy',
    about:
      `Readers have their replies for images of ${sizes.join(', ')} bytes and take nothing for ` +
      `${TAKES_NOTHING} ms after the finish. Each gets its whole image, and then the proxy exits ` +
      'with 0.',
    async run(proxy) {
      const images = sizes.map((size) => someBytes(size, size))
      for (const [at, image] of images.entries()) await proxy.store('1', `${at}.img`, image)
      const readers = await Promise.all(images.map((_, at) => pausedReader(proxy, `${at}.img`)))
      await proxy.finish()
      await pause(TAKES_NOTHING)
      for (const [at, reader] of readers.entries()) {
        const image = images[at] as Buffer
        reader.socket.resume()
        const what = `the rest of an image of ${image.length} bytes, whose reader had its reply before the finish`
        expectImage(await proxy.answer(reader, what), image, 'E1b', what)
      }
      await endsCleanly(proxy)
    },
  },
  {
    id: 'proxy-finish-does-not-cut-a-slow-reader',
    clauses: ['E1b', 'L7', 'E1'],
    role: 'proxy',
    about:
      `A reader of ${VERSION} bytes takes a little every 20 ms, before and after the finish. It ` +
      'gets the whole image.',
    async run(proxy) {
      const image = someBytes(VERSION, proxy.seed)
      await proxy.store('1', 'a.img', image)
      const reader = await pausedReader(proxy, 'a.img')
      await proxy.finish()
      for (let taken = -1; reader.ended === undefined && taken < reader.received.length; ) {
        taken = reader.received.length
        reader.socket.resume()
        await reader.until(() => reader.received.length > taken || reader.ended !== undefined)
        reader.socket.pause()
        await pause(20)
      }
      const what = 'the answer to a slow read that had its reply before the finish'
      expectImage(await proxy.answer(reader, what), image, 'E1b', what)
      await endsCleanly(proxy)
    },
  },
  {
    id: 'proxy-finish-beside-an-older-version',
    clauses: ['E1b', 'L7', 'E1a'],
    role: 'proxy',
    about:
      `A reader stops inside a version of ${VERSION} bytes, which is then written again, shorter. ` +
      'The finish comes. The reader gets its version, or a reset, and the new version is forwarded.',
    async run(proxy) {
      const before = someBytes(VERSION, proxy.seed)
      await proxy.store('1', 'a.img', before)
      const reader = await pausedReader(proxy, 'a.img')
      await proxy.write('1', 'a.img', Buffer.from('a new version'))
      await proxy.finish()
      await pause(TAKES_NOTHING)
      await keepVersions(
        proxy,
        [{ reader, version: before }],
        'the image was rewritten and the dump finished',
      )
      await endsCleanly(proxy)
      const last = proxy.fakeCache.images.at(-1)
      demand(
        last?.bytes.equals(Buffer.from('a new version')) === true,
        'the last image on the link',
        { outcome: 'the version that was closed before the finish', clause: 'E1a' },
        `${last?.size} bytes`,
      )
    },
  },
  {
    id: 'proxy-finish-beside-unread-requests',
    clauses: ['L7', 'E1b', 'E1'],
    role: 'proxy',
    about:
      'While the proxy is stopped, three images are read, and the finish comes on an older ' +
      'connection. Each read gets its whole image, or no reply, or a reset: none is cut with a ' +
      'clean close.',
    async run(proxy) {
      const images = [FITS, 300_000, VERSION].map((size) => someBytes(size, size))
      for (const [at, image] of images.entries()) await proxy.store('1', `${at}.img`, image)
      const finish = await proxy.connect()
      await proxy.stillServes('L2')
      const readers: Connection[] = []
      await proxy.whileStopped(async () => {
        for (const at of images.keys()) readers.push(await proxy.openRead('1', `${at}.img`))
        await finishOn(proxy, finish)
      })
      for (const [at, reader] of readers.entries())
        expectWholeOrDropped(await proxy.answer(reader), images[at] as Buffer, 'L7')
      await endsCleanly(proxy)
    },
  },
  {
    id: 'proxy-finish-despite-a-reader-that-takes-nothing',
    clauses: ['E1b', 'L7', 'E1'],
    patience: 3,
    role: 'proxy',
    about:
      'A reader has its reply and takes nothing more. The proxy exits after the finish all the same, ' +
      'which may take it more than 10 s. The reader then finds a reset, or its whole version, and ' +
      'never a clean close before the last byte.',
    async run(proxy) {
      const bytes = someBytes(VERSION, proxy.seed)
      await proxy.store('1', 'a.img', bytes)
      const reader = await pausedReader(proxy, 'a.img')
      await proxy.finish()
      await proxy.exit({ clause: 'E1b', level: 'should' })
      reader.socket.resume()
      const what = 'the end of a reader that had its reply and took nothing more'
      expectVersion(await proxy.answer(reader, what), bytes, what)
    },
  },
]
