import {
  type Case,
  demand,
  expectForwarded,
  expectImage,
  expectMissing,
  expectRefused,
  LIST,
  localImage,
  MORE_THAN_A_LINK_HOLDS,
  names2017,
  names2019,
  O_WRONLY,
  type ProxyUnderTest,
  snapshotEntry,
  someBytes,
} from '../../harness/conformance/index.ts'

/* E. The end of a dump, and W6 and W7, the end of the connection to the cache. */

const bytes = Buffer.from('some bytes')

/** The connection ends between two images, and the proxy exits 0. */
async function endsCleanly(proxy: ProxyUnderTest): Promise<void> {
  const permitted = { outcome: 'an end of stream between two images', clause: 'W6' }
  const how = await proxy.waitFor(
    'the end of the connection to the cache',
    permitted,
    proxy.fakeCache.untilEnd(),
  )
  demand(
    how === 'end',
    'the end of the connection to the cache',
    permitted,
    how === 'reset' ? 'a reset' : 'an end inside an image',
  )
  await proxy.cleanExit('E1')
}

/** Finishes a dump whose proxy may have given up before: then it can not be told, and must exit as failed all the same. */
async function failsAtFinish(proxy: ProxyUnderTest): Promise<void> {
  await proxy.finish().catch(() => {})
  await proxy.failedExit('W7')
}

/** The images that came, in their order. */
const forwardedNames = ({ fakeCache }: ProxyUnderTest) =>
  fakeCache.images.map(({ name }) => name).join(' ')

/** How long a proxy may take to notice the finish, in ms: nothing tells when it has. Shorter would be unfair to a busy one. */
const TAKES_NOTICE = 500

export const cases: readonly Case[] = [
  {
    id: 'proxy-finish',
    clauses: ['E1', 'W6', 'D1'],
    role: 'proxy',
    about:
      'After two images the dump is finished: the connection to the cache ends behind the second, and the proxy exits 0.',
    async run(proxy) {
      await proxy.store('1', 'a.img', bytes)
      await proxy.store('1', 'b.img', bytes)
      await proxy.finish()
      await endsCleanly(proxy)
      demand(
        forwardedNames(proxy) === 'a.img b.img',
        'what was forwarded',
        { outcome: 'the two images', clause: 'W5' },
        forwardedNames(proxy),
      )
    },
  },
  {
    id: 'proxy-finish-of-nothing',
    clauses: ['E1', 'W6'],
    role: 'proxy',
    about:
      'The dump is finished and nothing was written: the cache sees a connection that ends, and nothing on it, not even the finish.',
    async run(proxy) {
      await proxy.finish()
      await endsCleanly(proxy)
      demand(
        proxy.fakeCache.images.length === 0,
        'what was forwarded',
        { outcome: 'nothing', clause: 'E1' },
        forwardedNames(proxy),
      )
    },
  },
  {
    id: 'proxy-finish-header-in-pieces',
    clauses: ['E1', 'F2'],
    role: 'proxy',
    about: 'The header of the finish comes byte by byte: the same end.',
    async run(proxy) {
      await proxy.store('1', 'a.img', bytes)
      proxy.life.allowExit('the dump is finished')
      const client = await proxy.connect()
      const header = localImage.encode({
        snapshotId: proxy.names.nullId,
        name: proxy.names.dumpFinish,
        openMode: O_WRONLY,
      })
      await client.sendPieces(Array.from(header, (byte) => Buffer.from([byte])))
      await client.end()
      await endsCleanly(proxy)
    },
  },
  {
    id: 'proxy-finish-while-images-queue',
    clauses: ['E1', 'W5', 'W6'],
    role: 'proxy',
    about:
      'The dump is finished while a large image and thirty images wait for a cache that does not read; then it reads: all come before the end.',
    async run(proxy) {
      const large = await proxy.stallLink()
      const names = Array.from({ length: 30 }, (_, index) => `${index}.img`)
      await Promise.all(names.map((name) => proxy.write('1', name, Buffer.from(name))))
      await Promise.all(names.map((name) => proxy.untilReadable('1', name)))
      await proxy.finish()
      proxy.fakeCache.resume()
      expectForwarded(await proxy.forwarded('large.img'), large, 'E1')
      for (const name of names)
        expectForwarded(await proxy.forwarded(name), Buffer.from(name), 'E1')
      await endsCleanly(proxy)
    },
  },
  {
    id: 'proxy-finish-right-behind-writes',
    clauses: ['E1', 'W5', 'L5'],
    role: 'proxy',
    about:
      'Twelve writers whose images the proxy has begun to read end, and the finish comes right behind, on a connection that was there before: all are forwarded.',
    async run(proxy) {
      const finish = await proxy.connect()
      const images = Array.from({ length: 12 }, (_, index) =>
        someBytes(400_000 + index * 1000, proxy.seed + index),
      )
      const writers = await Promise.all(
        images.map((_, index) => proxy.openWrite('1', `${index}.img`)),
      )
      // More than a socket's buffer holds: it was accepted, and is no new work. One that was not may be refused after the finish.
      await Promise.all(writers.map((writer, index) => writer.send(images[index] as Buffer)))
      await Promise.all(writers.map((writer) => writer.end()))
      const { nullId, dumpFinish } = proxy.names
      proxy.life.allowExit('the dump is finished')
      await finish.send(
        localImage.encode({ snapshotId: nullId, name: dumpFinish, openMode: O_WRONLY }),
        'the finish',
      )
      await finish.end()
      for (const [index, image] of images.entries())
        expectForwarded(await proxy.forwarded(`${index}.img`), image, 'E1')
      await endsCleanly(proxy)
    },
  },
  {
    id: 'proxy-finish-on-a-connection-behind-writes',
    clauses: ['E1', 'W5'],
    role: 'proxy',
    about:
      'Twelve clients write images and close, and then the finish connects, as the last open of a dump: every image is forwarded before the end.',
    async run(proxy) {
      const images = Array.from({ length: 12 }, (_, index) =>
        someBytes((index * 70_271) % 300_000, proxy.seed + index),
      )
      await Promise.all(images.map((image, index) => proxy.write('1', `${index}.img`, image)))
      await proxy.finish()
      for (const [index, image] of images.entries())
        expectForwarded(await proxy.forwarded(`${index}.img`), image, 'E1')
      await endsCleanly(proxy)
    },
  },
  {
    id: 'proxy-finish-twice',
    clauses: ['E1'],
    role: 'proxy',
    about:
      'The finish comes three times, on three connections, while images queue; the later ones may be refused. The end is the same.',
    async run(proxy) {
      await proxy.stallLink()
      await proxy.finish()
      await proxy.finish().catch(() => {})
      await proxy.finish().catch(() => {})
      proxy.fakeCache.resume()
      await proxy.forwarded('large.img')
      await endsCleanly(proxy)
    },
  },
  {
    id: 'proxy-finish-takes-no-new-work',
    clauses: ['E1'],
    role: 'proxy',
    about: `The dump is finished while the cache does not read; an image whose writer comes ${TAKES_NOTICE} ms later is refused, or dropped, and not forwarded.`,
    async run(proxy) {
      await proxy.stallLink()
      await proxy.finish()
      await new Promise((resolve) => setTimeout(resolve, TAKES_NOTICE))
      await proxy.write('1', 'late.img', bytes).catch(() => {})
      proxy.fakeCache.resume()
      await proxy.forwarded('large.img')
      await endsCleanly(proxy)
      const late = proxy.fakeCache.images.some(({ name }) => name === 'late.img')
      demand(
        !late,
        'what was forwarded',
        { outcome: 'nothing that came after the finish', clause: 'E1' },
        'late.img',
      )
    },
  },
  {
    id: 'proxy-finish-despite-half-headers',
    clauses: ['E1', 'L2'],
    role: 'proxy',
    about:
      'At the finish there are clients that sent nothing or half a header, and stay connected: the dump ends nevertheless.',
    async run(proxy) {
      const header = localImage.encode({ snapshotId: '1', name: 'never.img', openMode: O_WRONLY })
      for (const sent of [0, 2, 4, header.length - 1])
        await (await proxy.connect()).send(header.subarray(0, sent))
      await proxy.store('1', 'a.img', bytes)
      await proxy.finish()
      await endsCleanly(proxy)
      demand(
        forwardedNames(proxy) === 'a.img',
        'what was forwarded',
        { outcome: 'only the image', clause: 'F6' },
        forwardedNames(proxy),
      )
    },
  },
  {
    id: 'proxy-clients-after-the-finish',
    clauses: ['E1', 'W6'],
    role: 'proxy',
    about:
      'Behind the finish, while images queue, more clients come: they are refused, ignored or served, but the end comes, and it is clean.',
    async run(proxy) {
      const large = await proxy.stallLink()
      await proxy.finish()
      for (let index = 0; index < 5; index++) {
        await proxy.write('1', `late-${index}.img`, bytes).catch(() => {})
        await proxy.openRead('stall', 'before.img').catch(() => {})
        await proxy.connect().catch(() => {})
      }
      proxy.fakeCache.resume()
      expectForwarded(await proxy.forwarded('large.img'), large, 'E1')
      await endsCleanly(proxy)
    },
  },
  {
    id: 'proxy-finish-in-either-dialect',
    clauses: ['D1', 'E1'],
    dialects: ['auto'],
    role: 'proxy',
    about:
      'Where both dialects are understood, the finish of 2019, an empty name under an empty id, ends the dump as well.',
    async run(proxy) {
      await proxy.store('1', 'a.img', bytes)
      await proxy.finish(names2019)
      await endsCleanly(proxy)
    },
  },
  {
    id: 'proxy-read-of-the-finish-name',
    clauses: ['E1', 'E3', 'P1'],
    role: 'proxy',
    about:
      "Only a write of the finish name ends the dump: reads of it, and of the restore's, are reads of images that are not there.",
    async run(proxy) {
      const { nullId, dumpFinish, restoreFinish } = proxy.names
      for (const name of [dumpFinish, restoreFinish])
        expectRefused(await proxy.read(nullId, name), 'P1', 'a read of a finish name')
      await proxy.stillServes('E3')
    },
  },
  {
    id: 'proxy-finish-needs-no-answer',
    clauses: ['W2', 'E1', 'W6'],
    role: 'proxy',
    about:
      'The cache neither sends anything nor closes its own direction at the end: the connection is one-way, so the proxy exits nevertheless.',
    async run(proxy) {
      proxy.fakeCache.keepsOpen = true
      await proxy.store('1', 'a.img', bytes)
      await proxy.finish()
      await endsCleanly(proxy)
    },
  },
  {
    id: 'proxy-stays-from-dump-to-dump',
    clauses: ['E3', 'W6', 'S3', 'S4'],
    needs: ['append'],
    role: 'proxy',
    about:
      "Two pre-dumps and a dump: each pushes its id, reads the list and its parent's image, writes its own. One process and one connection serve all.",
    async run(proxy) {
      const ids = ['/dumps/1', '/dumps/2', '/dumps/3']
      for (const [index, id] of ids.entries()) {
        const list = Buffer.concat(
          ids.slice(0, index + 1).map((each) => snapshotEntry.encode(each)),
        )
        await proxy.push(id)
        expectImage(
          await proxy.untilReadable(
            proxy.names.nullId,
            LIST,
            ({ size }) => size === list.length,
            'S3',
          ),
          list,
          'S3',
        )
        if (index > 0)
          expectImage(
            await proxy.read(ids[index - 1] as string, 'pages-1.img'),
            Buffer.from(`pages ${index - 1}`),
            'S4',
          )
        expectMissing(await proxy.read(id, 'pages-1.img'), 'P1')
        await proxy.store(id, 'pages-1.img', Buffer.from(`pages ${index}`))
        demand(
          proxy.fakeCache.ended === undefined,
          'the connection after a pre-dump',
          { outcome: 'open', clause: 'W6' },
          String(proxy.fakeCache.ended),
        )
      }
      await proxy.finish()
      await endsCleanly(proxy)
      demand(
        proxy.fakeCache.connections === 1,
        'connections to the cache',
        { outcome: 'one', clause: 'W1' },
        String(proxy.fakeCache.connections),
      )
    },
  },
  {
    id: 'proxy-stays-after-its-clients',
    clauses: ['E3', 'W6'],
    role: 'proxy',
    about:
      'Clients come and go, with errors too, until none is left, again and again: neither the proxy nor its connection ends without a finish.',
    async run(proxy) {
      for (let round = 0; round < 5; round++) {
        await proxy.store('1', `${round}.img`, bytes)
        expectMissing(await proxy.read('1', names2017.dumpFinish), 'P1')
        const client = await proxy.connect()
        client.socket.destroy()
      }
      await proxy.stillServes('E3')
      demand(
        proxy.fakeCache.ended === undefined,
        'the connection to the cache',
        { outcome: 'open', clause: 'W6' },
        String(proxy.fakeCache.ended),
      )
    },
  },
  {
    id: 'proxy-cache-dies-in-an-image',
    clauses: ['W7', 'E1'],
    role: 'proxy',
    about:
      'The cache resets the connection in the middle of an image: by the finish at the latest the proxy exits, and not with 0.',
    async run(proxy) {
      await proxy.stallLink()
      proxy.fakeCache.socket.resetAndDestroy()
      await failsAtFinish(proxy)
    },
  },
  {
    id: 'proxy-cache-dies-between-images',
    clauses: ['W7', 'E1'],
    role: 'proxy',
    about:
      'The cache resets the connection when nothing is on its way; images that are written then can not arrive: the proxy exits, and not with 0.',
    async run(proxy) {
      await proxy.store('1', 'a.img', bytes)
      proxy.fakeCache.socket.resetAndDestroy()
      proxy.life.allowExit('its cache is lost')
      await proxy.write('1', 'b.img', bytes).catch(() => {})
      await failsAtFinish(proxy)
    },
  },
  {
    id: 'proxy-cache-closes',
    clauses: ['W7', 'W6'],
    role: 'proxy',
    about:
      'The cache closes the connection before the finish, and a large image comes, more than can be lost unseen: the proxy exits, and not with 0.',
    async run(proxy) {
      await proxy.store('1', 'a.img', bytes)
      proxy.fakeCache.socket.destroy()
      proxy.life.allowExit('its cache is lost')
      await proxy
        .write('1', 'large.img', someBytes(MORE_THAN_A_LINK_HOLDS, proxy.seed))
        .catch(() => {})
      await failsAtFinish(proxy)
    },
  },
]
