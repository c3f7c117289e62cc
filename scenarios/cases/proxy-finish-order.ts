import {
  type Case,
  type Connection,
  expectForwarded,
  localImage,
  O_WRONLY,
  type ProxyUnderTest,
  someBytes,
  times,
} from '../../harness/conformance/index.ts'
import {
  endsCleanly,
  finishHeader,
  finishOn,
  linkEnds,
  WritesBeforeFinish,
} from '../model/finish.ts'
import { expectAtCache, expectInTurn, expectWholeOrDropped, FITS } from '../model/stops.ts'

/*
 * Cases for the proxy: writes that clients closed before they sent the finish of the dump (E1a).
 * The proxy is stopped meanwhile, so it learns of the closes and of the finish at once, and in any
 * order if it has threads or processes.
 */

/** Bytes of an image that the proxy has read when the rest comes: no buffer holds them. */
const READ_BEFORE = 600_000

/** Sizes of seven images: empty, small, and as much as a socket holds. */
const sizes = [FITS, 0, 10, FITS, 1, 4096, FITS]

const names = times(sizes.length, (at) => `${at}.img`)

const imagesOf = (proxy: ProxyUnderTest, more = 0) =>
  sizes.map((size, at) => someBytes(size + more, proxy.seed + at))

/** How far a write has come when the proxy stops. */
interface Progress {
  id: string
  about: string
  /** Opens the connection of a write before the stop; undefined if it is opened in the stop. */
  open?: (proxy: ProxyUnderTest, name: string, bytes: Buffer) => Promise<Connection>
  /** Bytes of each image that are sent before the stop. */
  sent?: number
  /** Bytes in the stop before the image. */
  header?: true
}

const states: readonly Progress[] = [
  { id: 'in-the-backlog', about: 'connects' },
  {
    id: 'with-unread-headers',
    about: 'sends its header on a connection that was open before',
    open: (proxy) => proxy.connect(),
    header: true,
  },
  {
    id: 'with-unread-bytes',
    about: 'whose header the proxy has read before',
    open: (proxy, name) => proxy.openWrite('1', name),
  },
  {
    id: 'half-received',
    about: `of which the proxy has read ${READ_BEFORE} bytes before`,
    open: async (proxy, name, bytes) => {
      const writer = await proxy.openWrite('1', name)
      await writer.send(bytes.subarray(0, READ_BEFORE))
      return writer
    },
    sent: READ_BEFORE,
  },
]

/** Returns a case for writes in one state, and the finish on an older or a newer connection. */
function closedBeforeTheFinish(state: Progress, age: 'older' | 'newer'): Case {
  const { id, about, open, sent = 0, header } = state
  return {
    id: `proxy-${age}-finish-after-writes-${id}`,
    clauses: ['E1a', 'E1', ...(age === 'older' ? ['E1b'] : [])],
    role: 'proxy',
    about:
      `While the proxy is stopped, each of seven writers ${about}, sends the rest and closes. Then ` +
      `the finish comes on ${age === 'older' ? 'a connection that is older than all of them' : 'a new connection'}. ` +
      'All images are forwarded before the end.',
    async run(proxy) {
      const finish = age === 'older' ? await proxy.connect() : undefined
      const images = imagesOf(proxy, sent)
      const writers = await Promise.all(
        open === undefined ? [] : names.map((name, at) => open(proxy, name, images[at] as Buffer)),
      )
      // The proxy has accepted the connections: it has served a later one.
      await proxy.stillServes('L2')
      const writes = new WritesBeforeFinish(proxy)
      await proxy.whileStopped(async () => {
        for (const [at, name] of names.entries()) {
          const bytes = images[at] as Buffer
          const writer = writers[at] ?? (await proxy.openWrite('1', name))
          if (header) await writer.send(headerOf(name))
          await writes.close(writer, name, bytes, bytes.subarray(sent))
        }
        await writes.finish(finish)
      })
      await writes.areForwarded()
    },
  }
}

const headerOf = (name: string): Buffer =>
  localImage.encode({ snapshotId: '1', name, openMode: O_WRONLY })

export const cases: readonly Case[] = [
  ...states.flatMap((state) => [
    closedBeforeTheFinish(state, 'older'),
    closedBeforeTheFinish(state, 'newer'),
  ]),
  {
    id: 'proxy-finish-after-sixty-writers',
    clauses: ['E1a', 'E1b', 'E1'],
    role: 'proxy',
    about:
      'While the proxy is stopped, sixty writers connect, write and close, and the finish comes on ' +
      'a connection that was open before. All images are forwarded before the end.',
    async run(proxy) {
      const finish = await proxy.connect()
      await proxy.stillServes('L2')
      const writes = new WritesBeforeFinish(proxy)
      await proxy.whileStopped(async () => {
        for (const at of times(60, (index) => index))
          await writes.write(`${at}.img`, someBytes((at * 7919) % 50_000, proxy.seed + at))
        await writes.finish(finish)
      })
      await writes.areForwarded()
    },
  },
  {
    id: 'proxy-finish-after-whole-closes',
    clauses: ['E1a', 'E1'],
    role: 'proxy',
    about:
      'While the proxy is stopped, seven writers connect, write and close both directions, as CRIU ' +
      'does, and the finish comes on a connection that was open before. All images are forwarded.',
    async run(proxy) {
      const finish = await proxy.connect()
      await proxy.stillServes('L2')
      const images = imagesOf(proxy)
      const writes = new WritesBeforeFinish(proxy)
      await proxy.whileStopped(async () => {
        for (const [at, name] of names.entries())
          await writes.writeAndLeave(name, images[at] as Buffer)
        await writes.finish(finish)
      })
      await writes.areForwarded()
    },
  },
  {
    id: 'proxy-finish-after-queued-appends',
    clauses: ['E1a', 'L10', 'L6'],
    needs: ['append'],
    role: 'proxy',
    about:
      'While the proxy is stopped, six clients append to one image, one after the other, and the ' +
      'finish comes. The cache has all of their bytes in this order at the end of the link.',
    async run(proxy) {
      const finish = await proxy.connect()
      await proxy.stillServes('L2')
      const parts = [FITS, 10, FITS, 1, 0, 5000].map((size, at) => someBytes(size, at))
      await proxy.whileStopped(async () => {
        for (const part of parts) await proxy.append('1', 'a.img', part)
        await finishOn(proxy, finish)
      })
      await linkEnds(proxy)
      expectAtCache(proxy, 'a.img', Buffer.concat(parts), 'E1a')
      await endsCleanly(proxy)
    },
  },
  {
    id: 'proxy-finish-after-queued-rewrites',
    clauses: ['E1a', 'L10', 'L5'],
    role: 'proxy',
    about:
      'While the proxy is stopped, an image is written five times, each time opened after the ' +
      'close before, and the finish comes. The last version is the last one on the link.',
    async run(proxy) {
      const finish = await proxy.connect()
      await proxy.stillServes('L2')
      const versions = [FITS, 10, FITS, 0, 7].map((size, at) => someBytes(size, at))
      await proxy.whileStopped(async () => {
        for (const version of versions) await proxy.write('1', 'a.img', version)
        await finishOn(proxy, finish)
      })
      await linkEnds(proxy)
      expectAtCache(proxy, 'a.img', versions.at(-1) as Buffer, 'E1a')
      await endsCleanly(proxy)
    },
  },
  {
    id: 'proxy-finish-after-queued-headers',
    clauses: ['E1a', 'E1b', 'E1'],
    role: 'proxy',
    about:
      'While the proxy is stopped, four writers send whole headers, two of them on new ' +
      'connections, and then the finish comes. They send their images after the stop and close: ' +
      'all are forwarded.',
    async run(proxy) {
      const finish = await proxy.connect()
      const early = await Promise.all(times(2, () => proxy.connect()))
      await proxy.stillServes('L2')
      const writers: Connection[] = []
      await proxy.whileStopped(async () => {
        for (const name of names.slice(0, 4)) {
          const writer = early.pop() ?? (await proxy.connect())
          await writer.send(headerOf(name), `write ${name}`)
          writers.push(writer)
        }
        await finishOn(proxy, finish)
      })
      const images = imagesOf(proxy, READ_BEFORE)
      for (const [at, writer] of writers.entries()) {
        await writer.send(images[at] as Buffer)
        await writer.end()
      }
      const what = 'the image, whose header was sent before the finish'
      for (const at of writers.keys()) {
        const image = await proxy.forwarded(names[at] as string, undefined, 'E1a', what)
        expectForwarded(image, images[at] as Buffer, 'E1a')
      }
      await endsCleanly(proxy)
    },
  },
  {
    id: 'proxy-finish-header-around-writes',
    clauses: ['E1b', 'E1a', 'F2'],
    role: 'proxy',
    about:
      'The header of the finish comes in two pieces. Between them writers connect, write and ' +
      'close while the proxy is stopped. The finish counts from its last byte: all images are ' +
      'forwarded.',
    async run(proxy) {
      const finish = await proxy.connect()
      const header = finishHeader(proxy)
      const writes = new WritesBeforeFinish(proxy)
      await finish.send(header.subarray(0, 6), 'the beginning of the finish')
      await proxy.stillServes('L2')
      const images = imagesOf(proxy)
      await proxy.whileStopped(async () => {
        for (const [at, name] of names.entries()) await writes.write(name, images[at] as Buffer)
        await writes.finish(finish, header.subarray(6))
      })
      await writes.areForwarded()
    },
  },
  {
    id: 'proxy-two-finishes-after-writes',
    clauses: ['E1a', 'E1'],
    role: 'proxy',
    about:
      'While the proxy is stopped, four images are written and closed, and the finish comes twice, ' +
      'on an old and on a new connection. All images are forwarded, and the end is clean.',
    async run(proxy) {
      const finish = await proxy.connect()
      await proxy.stillServes('L2')
      const images = imagesOf(proxy)
      const writes = new WritesBeforeFinish(proxy)
      await proxy.whileStopped(async () => {
        for (const [at, name] of names.slice(0, 4).entries())
          await writes.write(name, images[at] as Buffer)
        await writes.finish(finish)
        await proxy.finish()
      })
      await writes.areForwarded()
    },
  },
  {
    id: 'proxy-finish-after-writes-and-their-reads',
    clauses: ['E1a', 'L10', 'L7'],
    role: 'proxy',
    about:
      'While the proxy is stopped, three images are written and closed and each is read, and then ' +
      'the finish comes. All images are forwarded. Each read gets its whole image, or is dropped ' +
      'because the proxy has not answered it before the finish.',
    async run(proxy) {
      const finish = await proxy.connect()
      await proxy.stillServes('L2')
      const images = imagesOf(proxy)
      const writes = new WritesBeforeFinish(proxy)
      const readers: Connection[] = []
      await proxy.whileStopped(async () => {
        for (const [at, name] of names.slice(0, 3).entries()) {
          await writes.write(name, images[at] as Buffer)
          readers.push(await proxy.openRead('1', name))
        }
        await writes.finish(finish)
      })
      for (const [at, reader] of readers.entries())
        expectWholeOrDropped(await proxy.answer(reader), images[at] as Buffer, 'L7')
      await writes.areForwarded()
    },
  },
  {
    id: 'proxy-finish-after-writes-to-a-stalled-link',
    clauses: ['E1a', 'W5', 'E1'],
    role: 'proxy',
    about:
      'The cache does not read while a large image is on its way. While the proxy is stopped, ' +
      'seven images are written and closed, and the finish comes. The cache reads on: all come, in ' +
      'the order of their closes.',
    async run(proxy) {
      const finish = await proxy.connect()
      await proxy.stallLink()
      const images = imagesOf(proxy)
      const writes = new WritesBeforeFinish(proxy)
      await proxy.whileStopped(async () => {
        for (const [at, name] of names.entries()) await writes.write(name, images[at] as Buffer)
        await writes.finish(finish)
      })
      proxy.fakeCache.resume()
      await writes.areForwarded()
      await expectInTurn(proxy, names)
    },
  },
]
