import {
  type Case,
  demand,
  expectForwarded,
  expectImage,
  expectMissing,
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
import { endsCleanly, finishHeader, finishOn } from '../model/finish.ts'

/* Cases for the proxy: the end of a dump (E), and the end of the link (W6, W7). */

const bytes = Buffer.from('some bytes')

/**
 * Finishes the dump of a proxy that has lost its cache, and demands a failed exit (E4). The proxy
 * may have exited before: then it takes no finish, and the error of the connection does not count.
 */
async function failsAtFinish(proxy: ProxyUnderTest): Promise<void> {
  proxy.life.allowAnyEnd('its cache is lost')
  await proxy.finish().catch(() => {})
  await proxy.failedExit()
}

/** Waits for the forwarding of an image whose writer closed before the finish (E1a). */
const closedBefore = (proxy: ProxyUnderTest, name: string) =>
  proxy.forwarded(name, undefined, 'E1a', 'the image, whose writer closed before the finish')

/** Returns the names of the forwarded images, in their order. */
const forwardedNames = ({ fakeCache }: ProxyUnderTest) =>
  fakeCache.images.map(({ name }) => name).join(' ')

/**
 * How long a proxy may take to notice the finish, in ms: the protocol has no event for it. A
 * shorter time would be unfair to a busy proxy.
 */
const TAKES_NOTICE = 500

export const cases: readonly Case[] = [
  {
    id: 'proxy-finish',
    clauses: ['E1', 'W6', 'D1'],
    role: 'proxy',
    about:
      'The dump is finished after two images. The link ends after the second one, and the proxy ' +
      'exits with 0.',
    async run(proxy) {
      await proxy.store('1', 'a.img', bytes)
      await proxy.store('1', 'b.img', bytes)
      await proxy.finish()
      await endsCleanly(proxy)
      demand(
        forwardedNames(proxy) === 'a.img b.img',
        'the forwarded images',
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
      'The dump is finished without an image. The link ends with no byte on it, not even the ' +
      'finish, and the proxy exits with 0.',
    async run(proxy) {
      await proxy.finish()
      await endsCleanly(proxy)
      demand(
        proxy.fakeCache.images.length === 0,
        'the forwarded images',
        { outcome: 'none', clause: 'E1' },
        forwardedNames(proxy),
      )
    },
  },
  {
    id: 'proxy-finish-header-in-pieces',
    clauses: ['E1', 'F2'],
    role: 'proxy',
    about:
      'The header of the finish comes byte by byte. The link ends cleanly, and the proxy exits ' +
      'with 0.',
    async run(proxy) {
      await proxy.store('1', 'a.img', bytes)
      proxy.life.allowExit('the dump is finished')
      const client = await proxy.connect()
      await client.sendPieces(Array.from(finishHeader(proxy), (byte) => Buffer.from([byte])))
      await client.end()
      await endsCleanly(proxy)
    },
  },
  {
    id: 'proxy-finish-while-images-queue',
    clauses: ['E1', 'W5', 'W6'],
    role: 'proxy',
    about:
      'The dump is finished while a large image and twelve small ones wait for a cache that does ' +
      'not read. The cache then reads on: all images come before the end.',
    async run(proxy) {
      const large = await proxy.stallLink()
      const names = Array.from({ length: 12 }, (_, index) => `${index}.img`)
      await Promise.all(names.map((name) => proxy.write('1', name, Buffer.from(name))))
      await Promise.all(names.map((name) => proxy.untilReadable('1', name)))
      await proxy.finish()
      proxy.fakeCache.resume()
      const all = 'the image, since the proxy forwards all that it has before it exits'
      expectForwarded(await proxy.forwarded('large.img', undefined, 'E1', all), large, 'E1')
      for (const name of names)
        expectForwarded(await proxy.forwarded(name, undefined, 'E1', all), Buffer.from(name), 'E1')
      await endsCleanly(proxy)
    },
  },
  {
    id: 'proxy-finish-right-behind-writes',
    clauses: ['E1a', 'E1', 'W5'],
    role: 'proxy',
    about:
      'Twelve writers end whose images the proxy has begun to read. Directly after, the finish ' +
      'comes on a connection that was open before. All images are forwarded.',
    async run(proxy) {
      const finish = await proxy.connect()
      const images = Array.from({ length: 12 }, (_, index) =>
        someBytes(400_000 + index * 1000, proxy.seed + index),
      )
      const writers = await Promise.all(
        images.map((_, index) => proxy.openWrite('1', `${index}.img`)),
      )
      await Promise.all(writers.map((writer, index) => writer.send(images[index] as Buffer)))
      await Promise.all(writers.map((writer) => writer.end()))
      await finishOn(proxy, finish)
      for (const [index, image] of images.entries())
        expectForwarded(await closedBefore(proxy, `${index}.img`), image, 'E1a')
      await endsCleanly(proxy)
    },
  },
  {
    id: 'proxy-finish-on-a-connection-behind-writes',
    clauses: ['E1a', 'E1', 'W5'],
    role: 'proxy',
    about:
      'Twelve clients write images and close, and then the finish connects, as the last open of ' +
      'a dump. Every image is forwarded before the end.',
    async run(proxy) {
      const images = Array.from({ length: 12 }, (_, index) =>
        someBytes((index * 70_271) % 300_000, proxy.seed + index),
      )
      await Promise.all(images.map((image, index) => proxy.write('1', `${index}.img`, image)))
      await proxy.finish()
      for (const [index, image] of images.entries())
        expectForwarded(await closedBefore(proxy, `${index}.img`), image, 'E1a')
      await endsCleanly(proxy)
    },
  },
  {
    id: 'proxy-finish-behind-writes-that-wait',
    clauses: ['E1a', 'W5'],
    role: 'proxy',
    about:
      'While the process of the proxy is stopped, four clients connect, write small images and ' +
      'close, and the finish comes on a connection that was open before. The proxy goes on and ' +
      'forwards every image: it has read none of them, but they were complete before the finish.',
    async run(proxy) {
      await proxy.stillServes('L2')
      const finish = await proxy.connect()
      const names = ['a.img', 'b.img', 'c.img', 'd.img']
      await proxy.whileStopped(async () => {
        for (const name of names) await proxy.write('1', name, Buffer.from(name))
        await finishOn(proxy, finish)
      })
      for (const name of names)
        expectForwarded(await closedBefore(proxy, name), Buffer.from(name), 'E1a')
      await endsCleanly(proxy)
    },
  },
  {
    id: 'proxy-finish-while-a-write-goes-on',
    clauses: ['E1a', 'E1'],
    role: 'proxy',
    about:
      'A write whose header and first bytes the proxy has read is open when the dump is finished. ' +
      `The writer sends the rest ${TAKES_NOTICE} ms later and closes. The image is forwarded whole.`,
    async run(proxy) {
      const image = someBytes(MORE_THAN_A_LINK_HOLDS, proxy.seed)
      const half = image.length / 2
      const writer = await proxy.openWrite('1', 'a.img')
      // The proxy has read the header: these bytes are more than the buffer of a socket holds.
      await writer.send(image.subarray(0, half))
      await proxy.finish()
      await new Promise((resolve) => setTimeout(resolve, TAKES_NOTICE))
      await writer.send(image.subarray(half))
      await writer.end()
      expectForwarded(await closedBefore(proxy, 'a.img'), image, 'E1a')
      await endsCleanly(proxy)
    },
  },
  {
    id: 'proxy-finish-does-not-cut-readers',
    clauses: ['E1b', 'L7', 'E1'],
    role: 'proxy',
    about:
      'A client has its reply for an image of 8 MiB and reads no further while the dump is finished. ' +
      'It reads on a second later and gets the whole image, and then the proxy exits with 0.',
    async run(proxy) {
      const image = someBytes(MORE_THAN_A_LINK_HOLDS, proxy.seed)
      await proxy.store('1', 'a.img', image)
      const reader = await proxy.openRead('1', 'a.img')
      await proxy.waitFor('the reply', { outcome: 'error 0', clause: 'L3' }, reader.reply())
      reader.socket.pause()
      await proxy.finish()
      await new Promise((resolve) => setTimeout(resolve, 2 * TAKES_NOTICE))
      reader.socket.resume()
      const what = 'the rest of an image whose reader had its reply before the finish'
      expectImage(await proxy.answer(reader, what), image, 'E1b', what)
      await endsCleanly(proxy)
    },
  },
  {
    id: 'proxy-finish-twice',
    clauses: ['E1'],
    role: 'proxy',
    about:
      'The finish comes three times on three connections while images queue; the later ones may ' +
      'be refused. The link ends cleanly, and the proxy exits with 0.',
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
    clauses: ['E1a', 'E1'],
    role: 'proxy',
    about:
      'The dump is finished while the cache does not read. An image whose writer comes ' +
      `${TAKES_NOTICE} ms later is refused or dropped, and not forwarded.`,
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
        'the forwarded images',
        { outcome: 'none that was written after the finish', clause: 'E1a', level: 'should' },
        'late.img',
      )
    },
  },
  {
    id: 'proxy-finish-despite-half-headers',
    clauses: ['E1', 'L2'],
    role: 'proxy',
    about:
      'At the finish, clients that sent nothing or half a header are still connected. The dump ' +
      'ends all the same.',
    async run(proxy) {
      const header = localImage.encode({ snapshotId: '1', name: 'never.img', openMode: O_WRONLY })
      for (const sent of [0, 2, 4, header.length - 1])
        await (await proxy.connect()).send(header.subarray(0, sent))
      await proxy.store('1', 'a.img', bytes)
      await proxy.finish()
      await endsCleanly(proxy)
      demand(
        forwardedNames(proxy) === 'a.img',
        'the forwarded images',
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
      'More clients come after the finish, while images queue. They are refused, ignored or ' +
      'served, but the link ends cleanly.',
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
      'A proxy that takes all dialects gets the finish of 2019: an empty name under an empty id. ' +
      'It ends the dump as well.',
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
      'Only a write of the finish name ends the dump. A read of it, or of the finish name of a ' +
      'restore, is a read of a missing image.',
    async run(proxy) {
      const { nullId, dumpFinish, restoreFinish } = proxy.names
      for (const name of [dumpFinish, restoreFinish])
        expectMissing(await proxy.read(nullId, name), 'P1', 'a read of a finish name')
      await proxy.stillServes('E3')
    },
  },
  {
    id: 'proxy-finish-needs-no-answer',
    clauses: ['W2', 'E1', 'W6'],
    role: 'proxy',
    about:
      'At the end, the cache neither sends a byte nor closes its direction of the link, which is ' +
      'one-way. The proxy exits all the same.',
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
      "Two pre-dumps and a dump each push their id, read the list and the parent's image, and " +
      'write their own. One process and one link serve all of them.',
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
          'the link after a pre-dump',
          { outcome: 'open', clause: 'W6' },
          String(proxy.fakeCache.ended),
        )
      }
      await proxy.finish()
      await endsCleanly(proxy)
      demand(
        proxy.fakeCache.connections === 1,
        'the number of links',
        { outcome: '1', clause: 'W1' },
        String(proxy.fakeCache.connections),
      )
    },
  },
  {
    id: 'proxy-stays-after-its-clients',
    clauses: ['E3', 'W6'],
    role: 'proxy',
    about:
      'Clients come and go, some with errors, until none is left, again and again. Neither the ' +
      'proxy nor its link ends without a finish.',
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
        'the link',
        { outcome: 'open', clause: 'W6' },
        String(proxy.fakeCache.ended),
      )
    },
  },
  {
    id: 'proxy-cache-dies-in-an-image',
    clauses: ['E4', 'W7'],
    level: 'should',
    role: 'proxy',
    about:
      'The cache resets the link in the middle of an image. The proxy exits at the finish or ' +
      'before, and not with 0.',
    async run(proxy) {
      await proxy.stallLink()
      proxy.life.allowAnyEnd('its cache is lost')
      proxy.fakeCache.socket.resetAndDestroy()
      await failsAtFinish(proxy)
    },
  },
  {
    id: 'proxy-cache-dies-between-images',
    clauses: ['E4', 'W6'],
    level: 'should',
    role: 'proxy',
    about:
      'The cache resets the link while no image is on its way, so images that are written later ' +
      'cannot arrive. The proxy exits, and not with 0.',
    async run(proxy) {
      await proxy.store('1', 'a.img', bytes)
      proxy.life.allowAnyEnd('its cache is lost')
      proxy.fakeCache.socket.resetAndDestroy()
      await proxy.write('1', 'b.img', bytes).catch(() => {})
      await failsAtFinish(proxy)
    },
  },
  {
    id: 'proxy-cache-closes',
    clauses: ['E4', 'W6'],
    level: 'should',
    role: 'proxy',
    about:
      'The cache closes the link before the finish, and a large image comes, more than can be ' +
      'lost unseen. The proxy exits, and not with 0.',
    async run(proxy) {
      await proxy.store('1', 'a.img', bytes)
      proxy.life.allowAnyEnd('its cache is lost')
      proxy.fakeCache.socket.destroy()
      await proxy
        .write('1', 'large.img', someBytes(MORE_THAN_A_LINK_HOLDS, proxy.seed))
        .catch(() => {})
      await failsAtFinish(proxy)
    },
  },
]
