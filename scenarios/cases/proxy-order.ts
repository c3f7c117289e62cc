import {
  type Answer,
  type Case,
  type Connection,
  expectImage,
  LIST,
  MEGABYTE,
  O_APPEND,
  type ProxyUnderTest,
  snapshotEntry,
  someBytes,
  times,
} from '../../harness/conformance/index.ts'
import {
  expectAtCache,
  expectFromVersionOn,
  expectInTurn,
  FITS,
  rounds,
  type Write,
  writeInTurn,
} from '../model/stops.ts'

/*
 * Cases for the proxy: the acts of clients that wait in the kernel keep their order (L10, W5). An
 * image in a stop is smaller than the buffer of a UNIX socket.
 */

/** Does work in which the daemon takes part, `stops` times if the daemon can be stopped. */
async function repeat(
  proxy: ProxyUnderTest,
  stops: number,
  work: (at: number) => Promise<void>,
): Promise<void> {
  for (const at of times(rounds(proxy, stops), (round) => round)) await work(at)
}

/** Returns images of these sizes, in their order. */
const imagesOf = (round: number, sizes: readonly number[]): Write[] =>
  sizes.map((size, at) => ({ name: `${round}-${at}.img`, bytes: someBytes(size, round + at) }))

/**
 * Writes images in turn and reads each, on a connection opened after its close, in one stop.
 * `order` is the order of the reads: each directly after its write, or all after the last.
 */
async function writesAreRead(
  proxy: ProxyUnderTest,
  images: readonly Write[],
  order: 'each' | 'last',
): Promise<void> {
  const readers: Connection[] = []
  const read = async ({ name }: Write) => {
    readers.push(await proxy.openRead('1', name))
  }
  await proxy.whileStopped(async () => {
    for (const image of images) {
      await writeInTurn(proxy, [image])
      if (order === 'each') await read(image)
    }
    if (order === 'last') for (const image of images) await read(image)
  })
  const answers = await proxy.answers(readers, 'the reads that were opened after the closes', 'L10')
  for (const [at, { name, bytes }] of images.entries())
    expectImage(
      answers[at] as Answer,
      bytes,
      'L10',
      `a read of ${name}, opened after the close of its write`,
    )
}

/** Two acts on one image, the second opened after the close of the first, and their result. */
interface Pair {
  id: string
  about: string
  first: Write
  second: Write
  result: Buffer
}

const large = someBytes(FITS, 5)
const short = Buffer.from('a short image')

const pairs: readonly Pair[] = [
  {
    id: 'proxy-queued-shorter-write-comes-second',
    about: `an image of ${FITS} bytes is written, and then a short one of the same name`,
    first: { name: 'a.img', bytes: large },
    second: { name: 'a.img', bytes: short },
    result: short,
  },
  {
    id: 'proxy-queued-empty-write-comes-second',
    about: `an image of ${FITS} bytes is written, and then an empty one of the same name`,
    first: { name: 'a.img', bytes: large },
    second: { name: 'a.img', bytes: Buffer.alloc(0) },
    result: Buffer.alloc(0),
  },
  {
    id: 'proxy-queued-append-follows-a-write',
    about: `an image of ${FITS} bytes is written, and then a few bytes are appended`,
    first: { name: 'a.img', bytes: large },
    second: { name: 'a.img', bytes: short, openMode: O_APPEND },
    result: Buffer.concat([large, short]),
  },
  {
    id: 'proxy-queued-write-follows-an-append',
    about: `${FITS} bytes are appended, and then the image is written with a few bytes`,
    first: { name: 'a.img', bytes: large, openMode: O_APPEND },
    second: { name: 'a.img', bytes: short },
    result: short,
  },
  {
    id: 'proxy-queued-appends-keep-their-order',
    about: `${FITS} bytes are appended, and then a few bytes`,
    first: { name: 'a.img', bytes: large, openMode: O_APPEND },
    second: { name: 'a.img', bytes: short, openMode: O_APPEND },
    result: Buffer.concat([large, short]),
  },
]

/** Returns a case for two acts on one image: the second one comes second. */
const secondComesSecond = ({ id, about, first, second, result }: Pair): Case => ({
  id,
  clauses: ['L10', 'W5', first.openMode === O_APPEND ? 'L6' : 'L5'],
  ...(first.openMode === O_APPEND || second.openMode === O_APPEND
    ? { needs: ['append'] as const }
    : {}),
  role: 'proxy',
  about:
    `While the proxy is stopped, ${about}, and both are closed. A read that is opened then, in the ` +
    'same stop, gets the result of both in this order, and the link ends with it.',
  async run(proxy) {
    await repeat(proxy, 4, async (at) => {
      const names = [`${at}.img`, `${at}-b.img`]
      const readers: Connection[] = []
      await proxy.whileStopped(async () => {
        for (const name of names) {
          await writeInTurn(proxy, [
            { ...first, name },
            { ...second, name },
          ])
          readers.push(await proxy.openRead('1', name))
        }
      })
      const what = 'a read that was opened after the close of two writes'
      for (const reader of readers)
        expectImage(await proxy.answer(reader, what), result, 'L10', what)
      // An image that is opened after them is forwarded after them.
      await proxy.stillServes('W5')
      for (const name of names) expectAtCache(proxy, name, result, 'L10')
    })
  },
})

export const cases: readonly Case[] = [
  {
    id: 'proxy-queued-writes-are-read',
    clauses: ['L10', 'L7'],
    role: 'proxy',
    about:
      'While the proxy is stopped, four images from 0 bytes to a full buffer are written and ' +
      'closed, and each is read, directly after its close or after the last. Each read gets its ' +
      'image.',
    async run(proxy) {
      await repeat(proxy, 6, (at) =>
        writesAreRead(proxy, imagesOf(at, [FITS, 10, 0, FITS - 1]), at % 2 === 0 ? 'last' : 'each'),
      )
    },
  },
  {
    id: 'proxy-queued-whole-closes-are-read',
    clauses: ['L10', 'L5', 'W5'],
    role: 'proxy',
    about:
      'While the proxy is stopped, four images are written by clients that close both directions, ' +
      'as CRIU does, and each is read. Each read gets its image, and they are forwarded in this ' +
      'order.',
    async run(proxy) {
      await repeat(proxy, 3, async (round) => {
        const images = imagesOf(round, [FITS, 10, 0, FITS])
        const readers: Connection[] = []
        await proxy.whileStopped(async () => {
          for (const { name, bytes } of images) {
            const writer = await proxy.openWrite('1', name)
            if (bytes.length > 0) await writer.send(bytes)
            writer.reset()
            readers.push(await proxy.openRead('1', name))
          }
        })
        const what = 'a read that was opened after the close of both directions of the write'
        for (const [at, { bytes }] of images.entries())
          expectImage(await proxy.answer(readers[at] as Connection, what), bytes, 'L10', what)
        await expectInTurn(
          proxy,
          images.map(({ name }) => name),
        )
      })
    },
  },
  {
    id: 'proxy-queued-pushes-are-read',
    clauses: ['L10', 'S3', 'S2'],
    needs: ['append'],
    role: 'proxy',
    about:
      'While the proxy is stopped, four dumps push their id and read the list back, one after the ' +
      'other. Each finds its own id after those before it.',
    async run(proxy) {
      const { nullId } = proxy.names
      const lists = [Buffer.alloc(0)]
      await repeat(proxy, 6, async (round) => {
        const before = lists.length
        const ids = times(4, (at) => `/dumps/${round}/${at}`)
        for (const id of ids)
          lists.push(Buffer.concat([lists.at(-1) as Buffer, snapshotEntry.encode(id)]))
        const readers: Connection[] = []
        await proxy.whileStopped(async () => {
          for (const id of ids) {
            await proxy.push(id)
            readers.push(await proxy.openRead(nullId, LIST))
          }
        })
        for (const [at, reader] of readers.entries()) {
          const answer = await proxy.answer(reader, 'a read of the list of snapshots')
          expectFromVersionOn(answer, [nullId, LIST], lists.slice(before + at), 'L10')
        }
      })
    },
  },
  {
    id: 'proxy-queued-writes-are-read-beside-a-slow-one',
    clauses: ['L10', 'L2'],
    role: 'proxy',
    about:
      'A client has sent half of an image of 2 MiB and pauses. While the proxy is stopped, others ' +
      'write images, close and read them. They get their images although the first write goes on, ' +
      'and then that one is complete as well.',
    async run(proxy) {
      const slow = someBytes(2 * MEGABYTE, proxy.seed)
      const writer = await proxy.openWrite('1', 'slow.img')
      await writer.send(slow.subarray(0, MEGABYTE))
      await repeat(proxy, 4, (at) => writesAreRead(proxy, imagesOf(at, [FITS, 20, FITS]), 'last'))
      await writer.send(slow.subarray(MEGABYTE))
      await writer.end()
      expectImage(await proxy.read('1', 'slow.img'), slow, 'L10', 'a read after the close')
    },
  },
  {
    id: 'proxy-write-that-ends-in-a-stop-is-read',
    clauses: ['L10', 'L5'],
    role: 'proxy',
    about:
      'Writers have sent the first MiB of images, which the proxy has read. While it is stopped ' +
      'they send the rest and close, and reads are opened. Each read gets its whole image.',
    async run(proxy) {
      await repeat(proxy, 3, async (round) => {
        const images = imagesOf(round, [MEGABYTE + FITS, MEGABYTE + 1, MEGABYTE])
        const writers = await Promise.all(images.map(({ name }) => proxy.openWrite('1', name)))
        for (const [at, { bytes }] of images.entries())
          await writers[at]?.send(bytes.subarray(0, MEGABYTE))
        const readers: Connection[] = []
        await proxy.whileStopped(async () => {
          for (const [at, { name, bytes }] of images.entries()) {
            if (bytes.length > MEGABYTE) await writers[at]?.send(bytes.subarray(MEGABYTE))
            await writers[at]?.end()
            readers.push(await proxy.openRead('1', name))
          }
        })
        const what = 'a read that was opened after the close of a large write'
        for (const [at, { bytes }] of images.entries())
          expectImage(await proxy.answer(readers[at] as Connection, what), bytes, 'L10', what)
      })
    },
  },
  ...pairs.map(secondComesSecond),
  {
    id: 'proxy-queued-closes-are-forwarded-in-order',
    clauses: ['W5', 'L10'],
    role: 'proxy',
    about:
      'While the proxy is stopped, eight images, large and small in turn, are written, each opened ' +
      'after the close of the one before. They are forwarded in this order.',
    async run(proxy) {
      await repeat(proxy, 4, async (at) => {
        const sizes = at % 2 === 0 ? [FITS, 1] : [1, FITS]
        const images = imagesOf(at, [...sizes, ...sizes, ...sizes, ...sizes])
        await proxy.whileStopped(() => writeInTurn(proxy, images))
        await expectInTurn(
          proxy,
          images.map(({ name }) => name),
        )
      })
    },
  },
  {
    id: 'proxy-queued-small-images-are-forwarded-in-order',
    clauses: ['W5', 'L10'],
    role: 'proxy',
    about:
      'While the proxy is stopped, sixty small images are written, each opened after the close of ' +
      'the one before. They are forwarded in this order.',
    async run(proxy) {
      await repeat(proxy, 1, async (at) => {
        const images = imagesOf(
          at,
          times(60, (size) => size % 7),
        )
        await proxy.whileStopped(() => writeInTurn(proxy, images))
        await expectInTurn(
          proxy,
          images.map(({ name }) => name),
        )
      })
    },
  },
  {
    id: 'proxy-write-opened-first-and-closed-last',
    clauses: ['W5', 'L10'],
    role: 'proxy',
    about:
      'A write is opened and half sent. While the proxy is stopped, two others are written, the ' +
      'first one is sent to its end and closed, and two more are written. Closes that came before ' +
      'an open come first on the link.',
    async run(proxy) {
      await repeat(proxy, 4, async (round) => {
        const [early, a, b, c, d] = imagesOf(round, [2 * FITS, FITS, 5, 7, FITS]) as [
          Write,
          Write,
          Write,
          Write,
          Write,
        ]
        const writer = await proxy.openWrite('1', early.name)
        await writer.send(early.bytes.subarray(0, FITS))
        await proxy.whileStopped(async () => {
          await writeInTurn(proxy, [a, b])
          await writer.send(early.bytes.subarray(FITS))
          await writer.end()
          await writeInTurn(proxy, [c, d])
        })
        await expectInTurn(
          proxy,
          [a, b, c, d].map(({ name }) => name),
        )
        await expectInTurn(
          proxy,
          [early, c, d].map(({ name }) => name),
        )
      })
    },
  },
]
