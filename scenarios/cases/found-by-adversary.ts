import { setTimeout as pause } from 'node:timers/promises'
import {
  type Case,
  type Connection,
  type DaemonContext,
  demand,
  expectForwarded,
  expectGivenBack,
  expectImage,
  expectMemoryGivenBack,
  expectMissing,
  header,
  inTens,
  type Kind,
  LeftoverWatch,
  localImage,
  O_APPEND,
  O_RDONLY,
  O_WRONLY,
  snapshotEntry,
  someBytes,
  times,
} from '../../harness/conformance/index.ts'
import { leaveAfter } from '../model/readers.ts'
import { expectInTurn, FITS, rounds } from '../model/stops.ts'

/* Cases that natural faults of an implementation in Go asked for (fixtures/go). */

/** Longer than the usual limits of 2 to 5 s for a silent connection, in ms. */
const SILENCE = 5_500
/** More than a daemon waits as a rule for bytes on their way, in ms. */
const PAUSE = 1_000
/** More than a UNIX socket and a buffer of a server hold. */
const LARGE = 1 << 20
/** A byte far from all powers of two, which begin the blocks of a server. */
const MIDDLE = 600_000
/** More pieces than one writev(2) takes. */
const APPENDS = 1_100
/** Names enough for two of them to share a hash of 16 bits. */
const NAMES = 1_500
/** From this pause on a reader may be reset at the finish (E1b), with a margin, in ms. */
const MAY_BE_RESET = 9_000
/** Clients in one backlog, less than the 128 that many listeners have. */
const QUEUED = 100
/** Clients at once, more than a pool of 256 workers has. */
const CROWD = 400
/** Reads after one another beside a crowd. */
const PROBES = 5
/** Large writes that are open at once. */
const OPEN = 6
/** Connections of a case about clients that leave. */
const LEAVING = 300
/** Reads at once. */
const AT_ONCE = 50

/** Images whose contents invite a server to keep one of two, or to keep less. */
const alike = (seed: number): { name: string; bytes: Buffer }[] => {
  const first = someBytes(LARGE, seed)
  const other = Buffer.from(first)
  const middle = Buffer.from(first)
  other.writeUInt8(first.readUInt8(LARGE - 1) ^ 1, LARGE - 1)
  middle.writeUInt8(first.readUInt8(MIDDLE) ^ 1, MIDDLE)
  const zeroes = [4095, 4096, 4097, 65_536, 100_000, LARGE]
  return [
    ...zeroes.map((size) => ({ name: `zeroes-${size}.img`, bytes: Buffer.alloc(size) })),
    { name: 'zeroes-then-data.img', bytes: Buffer.concat([Buffer.alloc(LARGE), first]) },
    { name: 'data-then-zeroes.img', bytes: Buffer.concat([first, Buffer.alloc(LARGE)]) },
    { name: 'first.img', bytes: first },
    { name: 'last-byte-differs.img', bytes: other },
    { name: 'byte-in-the-middle-differs.img', bytes: middle },
    { name: 'equal.img', bytes: first },
  ]
}

/** Sizes that fill buffers exactly: powers of two, their sums, and a byte less and more. */
const sizes = [12, 13, 14, 15, 16, 17, 18].flatMap((power) => [
  2 ** power,
  2 ** power - 1,
  2 ** power + 1,
  2 ** (power + 1) - 4096,
])

/** Identities that differ, and that are alike for a server which joins, cuts or cleans them. */
const identities: readonly (readonly [string, string])[] = [
  ['1', '1.img'],
  ['11', '.img'],
  ['', '11.img'],
  ['a', 'b/c'],
  ['a/b', 'c'],
  ['/a/1', 'x.img'],
  ['/b/1', 'x.img'],
  ['/a/1/', 'x.img'],
  ['/a/./1', 'x.img'],
  ['/a//1', 'x.img'],
  ['/A/1', 'x.img'],
  ['/a/1 ', 'x.img'],
  ['/a/1', 'x.img\0y'],
  ['/a/1', 'x.img\n'],
  ['/a/1', `${'x'.repeat(255)}1`],
  ['/a/1', `${'x'.repeat(255)}2`],
  ['/a/1', `${'x'.repeat(4094)}1`],
  ['/a/1', `${'x'.repeat(4094)}2`],
  ['/a/1', '\u00e9.img'],
  ['/a/1', 'e\u0301.img'],
]

const contentOf = (at: number) => Buffer.from(`image ${at}`)

export const cases: readonly Case[] = [
  {
    id: 'proxy-images-that-are-alike',
    clauses: ['L7', 'W5', 'W4'],
    role: 'proxy',
    about:
      'Images of zeroes, images that begin alike, and images with the same bytes are written. ' +
      'Each is forwarded with its own bytes, and read.',
    async run(proxy) {
      for (const { name, bytes } of alike(proxy.seed)) {
        await proxy.write('1', name, bytes)
        expectForwarded(await proxy.forwarded(name), bytes, 'W4')
        await proxy.serves('1', name, bytes, 'L7')
      }
    },
  },
  {
    id: 'cache-images-that-are-alike',
    clauses: ['L7', 'C1', 'W4'],
    role: 'cache',
    about:
      'Images of zeroes, images that begin alike, and images with the same bytes come. Each is ' +
      'served with its own bytes.',
    async run(cache) {
      const images = alike(cache.seed)
      for (const { name, bytes } of images) await cache.forward('1', name, bytes)
      for (const { name, bytes } of images) await cache.serves('1', name, bytes, 'L7')
    },
  },
  {
    id: 'proxy-images-that-fill-buffers',
    clauses: ['L7', 'W4'],
    role: 'proxy',
    about:
      'Images of 4096 bytes, of other powers of two, of their sums, and of a byte more or less are ' +
      'written. Each is forwarded and read whole.',
    async run(proxy) {
      for (const size of sizes) await proxy.write('1', `${size}.img`, someBytes(size, proxy.seed))
      for (const size of sizes) {
        const bytes = someBytes(size, proxy.seed)
        expectForwarded(await proxy.forwarded(`${size}.img`), bytes, 'W4')
        await proxy.serves('1', `${size}.img`, bytes, 'L7')
      }
    },
  },
  {
    id: 'cache-images-that-fill-buffers',
    clauses: ['L7', 'W4', 'C1'],
    role: 'cache',
    about:
      'Images of 4096 bytes, of other powers of two, of their sums, and of a byte more or less ' +
      'come. Each is served whole.',
    async run(cache) {
      for (const size of sizes) await cache.forward('1', `${size}.img`, someBytes(size, cache.seed))
      for (const size of sizes)
        await cache.serves('1', `${size}.img`, someBytes(size, cache.seed), 'L7')
    },
  },
  {
    id: 'proxy-identities-that-a-server-mixes-up',
    clauses: ['S1', 'F5'],
    role: 'proxy',
    about:
      'Twenty images have identities that are alike once they are joined, cut, cleaned as paths or ' +
      'normalized. Each is another image.',
    async run(proxy) {
      for (const [at, [id, name]] of identities.entries())
        await proxy.write(id, name, contentOf(at))
      for (const [at, [id, name]] of identities.entries())
        await proxy.serves(id, name, contentOf(at), 'S1')
    },
  },
  {
    id: 'cache-identities-that-a-server-mixes-up',
    clauses: ['S1', 'F5'],
    role: 'cache',
    about:
      'Twenty images come whose identities are alike once they are joined, cut, cleaned as paths ' +
      'or normalized. Each is another image.',
    async run(cache) {
      for (const [at, [id, name]] of identities.entries())
        await cache.forward(id, name, contentOf(at))
      for (const [at, [id, name]] of identities.entries())
        await cache.serves(id, name, contentOf(at), 'S1')
    },
  },
  {
    id: 'cache-many-images-are-held',
    clauses: ['C1', 'S1'],
    role: 'cache',
    patience: 3,
    about:
      `${NAMES} images come, with as many names. Each is served with its own bytes: none is ` +
      'dropped for a later one, and no two share a place.',
    async run(cache) {
      for (const at of times(NAMES, (each) => each))
        await cache.forward('1', `${at}.img`, contentOf(at))
      for (let from = 0; from < NAMES; from += AT_ONCE) {
        const readers = await Promise.all(
          times(AT_ONCE, (at) => cache.openRead('1', `${from + at}.img`)),
        )
        const answers = await cache.answers(readers, `reads of ${NAMES} images`, 'C1')
        for (const [at, answer] of answers.entries())
          expectImage(
            answer,
            contentOf(from + at),
            'C1',
            `a read of image ${from + at} of ${NAMES}`,
          )
      }
    },
  },
  {
    id: 'proxy-image-of-many-appends',
    clauses: ['L6', 'W4'],
    needs: ['append'],
    role: 'proxy',
    patience: 3,
    about: `An image grows by ${APPENDS} appends. It is read and forwarded with all their bytes.`,
    async run(proxy) {
      const bytes = someBytes(APPENDS, proxy.seed)
      for (const at of times(APPENDS, (each) => each))
        await proxy.write('1', 'a.img', bytes.subarray(at, at + 1), O_APPEND)
      await proxy.serves('1', 'a.img', bytes, 'L6')
      const what = `the version after ${APPENDS} appends`
      const whole = ({ size }: { size: number }) => size === bytes.length
      const { appendsCountAll } = proxy.fakeCache
      const last = await proxy.forwarded('a.img', appendsCountAll ? undefined : whole, 'W4', what)
      if (!appendsCountAll) expectForwarded(last, bytes, 'W4')
    },
  },
  {
    id: 'proxy-silence-is-no-end',
    clauses: ['W3', 'L7', 'W5', 'R4', 'P1'],
    role: 'proxy',
    patience: 2,
    about:
      `A writer, a reader and the link move nothing for ${SILENCE} ms, which is less than a busy ` +
      'machine takes now and then. The image, the version of the reader and all that waited for ' +
      'the link are whole after it.',
    async run(proxy) {
      const held = someBytes(LARGE, proxy.seed)
      await proxy.store('1', 'held.img', held)
      const large = await proxy.stallLink()
      const writer = await proxy.openWrite('1', 'slow.img')
      await writer.send(held.subarray(0, 1000))
      const reader = await proxy.openRead('1', 'held.img')
      await reader.reply()
      reader.socket.pause()
      await pause(SILENCE)
      await writer.send(held.subarray(1000, 2000))
      await writer.end()
      reader.socket.resume()
      const what = 'a read whose client paused'
      expectImage(await proxy.answer(reader, what), held, 'L7', what)
      proxy.fakeCache.resume()
      const { size } = await proxy.forwarded('large.img', undefined, 'R4')
      demand(
        size === large.length,
        'the size of the image on the link',
        { outcome: `${large.length}`, clause: 'W4' },
        `${size}`,
      )
      expectForwarded(
        await proxy.forwarded('slow.img', undefined, 'W3', 'the image of a writer that paused'),
        held.subarray(0, 2000),
        'W3',
      )
    },
  },
  {
    id: 'cache-silence-is-no-end',
    clauses: ['C2', 'L7', 'W6'],
    role: 'cache',
    patience: 2,
    about:
      `The link, a reader and a client that waits move nothing for ${SILENCE} ms. The reader gets ` +
      'its whole version, and the client that waits its image.',
    async run(cache) {
      const held = someBytes(LARGE, cache.seed)
      await cache.forward('1', 'held.img', held)
      const reader = await cache.openRead('1', 'held.img')
      await reader.reply()
      reader.socket.pause()
      const waiter = await cache.openRead('1', 'late.img')
      await pause(SILENCE)
      reader.socket.resume()
      const what = 'a read whose client paused'
      expectImage(await cache.answer(reader, what), held, 'L7', what)
      await cache.forward('1', 'late.img', held)
      const waited = 'the answer to a client that waited while the link was idle'
      const permitted = { outcome: 'the image', clause: 'C2' }
      expectImage(await cache.answer(waiter, waited, permitted), held, 'C2', waited)
    },
  },
  {
    id: 'proxy-finish-with-bytes-behind-its-header',
    clauses: ['E1b', 'E1'],
    role: 'proxy',
    about:
      'Bytes follow the header of the finish, in one piece with it. It is the finish all the same: ' +
      'the proxy exits with 0, and forwards no image of that name.',
    async run(proxy) {
      await proxy.store('1', 'a.img', Buffer.from('an image'))
      proxy.life.allowExit('the dump is finished')
      const { nullId, dumpFinish } = proxy.names
      const request = { snapshotId: nullId, name: dumpFinish, openMode: O_WRONLY }
      const finish = await proxy.connect()
      await finish.send(Buffer.concat([localImage.encode(request), someBytes(100, proxy.seed)]))
      await finish.end()
      const { code } = await proxy.exit({ clause: 'E1b' })
      demand(code === 0, 'the exit of the proxy', { outcome: 'exit 0', clause: 'E1' }, `${code}`)
      const names = proxy.fakeCache.images.map(({ name }) => name)
      demand(
        `${names}` === 'a.img',
        'the images on the link',
        { outcome: 'a.img, which was written', clause: 'E1' },
        `${names}`,
      )
    },
  },
  {
    id: 'proxy-finish-waits-for-clients-that-pause',
    clauses: ['E1a', 'E1b', 'L7'],
    role: 'proxy',
    patience: 2,
    about:
      `A writer and a reader pause for ${SILENCE} ms at the finish. The reader gets its whole ` +
      'version. The image of the writer is forwarded whole, or it counts as lost, with an exit ' +
      'code that is not 0.',
    async run(proxy) {
      const bytes = someBytes(LARGE, proxy.seed)
      await proxy.store('1', 'held.img', bytes)
      const writer = await proxy.openWrite('1', 'slow.img')
      await writer.send(bytes.subarray(0, 1000))
      const reader = await proxy.openRead('1', 'held.img')
      await reader.reply()
      reader.socket.pause()
      await proxy.stillServes('L2')
      proxy.life.allowAnyEnd('it may give the writer up, and then an image is lost')
      await proxy.finish()
      const began = performance.now()
      await pause(SILENCE)
      await writer.send(bytes.subarray(1000, 2000))
      await writer.end()
      reader.socket.resume()
      const took = performance.now() - began
      const what = 'a reader that paused at the finish'
      const answer = await proxy.answer(reader, what)
      // A busy machine can let the pause grow to that of a reader which may be reset.
      if (took < MAY_BE_RESET) expectImage(answer, bytes, 'E1b', what)
      const { code } = await proxy.exit({ clause: 'E1' })
      const image = proxy.fakeCache.images.find(({ name }) => name === 'slow.img')
      demand(
        image === undefined ? code !== 0 : image.bytes.equals(bytes.subarray(0, 2000)),
        'the image of a writer that paused at the finish',
        [
          { outcome: 'all its 2000 bytes on the link', clause: 'E1a' },
          { outcome: 'none of it, and an exit code that is not 0', clause: 'E1a' },
        ],
        `${image === undefined ? 'none of it' : `${image.size} bytes`}, exit ${code}`,
      )
    },
  },
  {
    id: 'cache-finish-waits-for-a-reader-that-pauses',
    clauses: ['E1b', 'L7'],
    role: 'cache',
    patience: 2,
    about:
      `A reader has its reply and pauses for ${SILENCE} ms at the end of the link and of the ` +
      'restore. It gets its whole version.',
    async run(cache) {
      const bytes = someBytes(LARGE, cache.seed)
      await cache.forward('1', 'held.img', bytes)
      const reader = await cache.openRead('1', 'held.img')
      await reader.reply()
      reader.socket.pause()
      cache.closeLink()
      await cache.finishRestore()
      const began = performance.now()
      await pause(SILENCE)
      const took = performance.now() - began
      reader.socket.resume()
      const what = 'a reader that paused at the finish'
      const answer = await cache.answer(reader, what)
      if (took < MAY_BE_RESET) expectImage(answer, bytes, 'E1b', what)
      await cache.cleanExit()
    },
  },
  {
    id: 'cache-waiter-beyond-the-finish',
    clauses: ['C2', 'E2'],
    role: 'cache',
    about:
      'A client waits for an image when the restore is finished, and the link is still open. It ' +
      'waits on, and gets the image when it comes. The cache exits after the end of the link.',
    async run(cache) {
      const waiter = await cache.openRead('1', 'late.img')
      await cache.stillServes('C2')
      await cache.finishRestore()
      await cache.stillServes('C1')
      await cache.forward('1', 'late.img', contentOf(1))
      const what = 'a read that waited at the finish of the restore'
      const permitted = { outcome: 'the image', clause: 'C2' }
      expectImage(await cache.answer(waiter, what, permitted), contentOf(1), 'C2', what)
      cache.closeLink()
      await cache.cleanExit()
    },
  },
  {
    id: 'proxy-finish-to-a-cache-that-pauses',
    clauses: ['E1', 'W6', 'W5'],
    role: 'proxy',
    about:
      `The cache reads nothing for ${PAUSE} ms at the finish, while an image of 3 MiB waits in the ` +
      'buffers of the kernel. Then the image comes whole, and the link ends cleanly.',
    async run(proxy) {
      const bytes = someBytes(3 * LARGE, proxy.seed)
      await proxy.store('1', 'small.img', contentOf(1))
      proxy.fakeCache.pause()
      await proxy.write('1', 'a.img', bytes)
      await proxy.finish()
      await pause(PAUSE)
      proxy.fakeCache.resume()
      expectForwarded(await proxy.forwarded('a.img', undefined, 'E1'), bytes, 'E1')
      const permitted = { outcome: 'end of stream between two images', clause: 'W6' }
      const ended = await proxy.waitFor(
        'the end of the link',
        permitted,
        proxy.fakeCache.untilEnd(),
      )
      demand(ended === 'end', 'the end of the link', permitted, ended)
      await proxy.cleanExit()
    },
  },
  {
    id: 'proxy-older-finish-after-a-long-backlog',
    clauses: ['E1a', 'E1b'],
    role: 'proxy',
    about:
      `The client of the finish has sent half a header. While the proxy is stopped, ${QUEUED} ` +
      'clients connect, write and close, and then the rest of the finish comes. All images are ' +
      'forwarded.',
    async run(proxy) {
      const { nullId, dumpFinish } = proxy.names
      const request = { snapshotId: nullId, name: dumpFinish, openMode: O_WRONLY }
      const finishHeader = localImage.encode(request)
      const finish = await proxy.connect()
      await finish.send(finishHeader.subarray(0, 6), 'half of the finish')
      await proxy.stillServes('L2')
      await proxy.whileStopped(async () => {
        for (const at of times(QUEUED, (each) => each))
          await proxy.write('1', `${at}.img`, contentOf(at))
        proxy.life.allowExit('the dump is finished')
        await finish.send(finishHeader.subarray(6), 'the rest of the finish')
      })
      const what = 'the image of a write that was closed before the header of the finish'
      for (const at of times(QUEUED, (each) => each))
        expectForwarded(
          await proxy.forwarded(`${at}.img`, undefined, 'E1a', what),
          contentOf(at),
          'E1a',
        )
    },
  },
  {
    id: 'proxy-400-half-headers',
    clauses: ['L2'],
    role: 'proxy',
    about: `${CROWD} clients have sent half a header. A write and a read are not delayed.`,
    async run(proxy) {
      for (const client of await Promise.all(times(CROWD, () => proxy.connect())))
        await client.send(Buffer.from([20, 0, 0]))
      // The first of these may still overtake clients of the crowd that are not accepted yet.
      for (const _ of times(PROBES, () => 0)) await proxy.stillServes('L2')
    },
  },
  {
    id: 'cache-400-waiters-and-half-headers',
    clauses: ['L2', 'C1', 'C2'],
    role: 'cache',
    about:
      `${CROWD / 2} clients wait for as many images, and ${CROWD / 2} have sent half a header. ` +
      'A read of an image that is held is not delayed, and each client gets its image in the end.',
    async run(cache) {
      const waiters = await Promise.all(times(CROWD / 2, (at) => cache.openRead('1', `${at}.img`)))
      for (const client of await Promise.all(times(CROWD / 2, () => cache.connect())))
        await client.send(Buffer.from([20, 0, 0]))
      // The first of these may still overtake clients of the crowd that are not accepted yet.
      for (const _ of times(PROBES, () => 0)) await cache.stillServes('L2')
      for (const at of times(CROWD / 2, (each) => each))
        await cache.forward('1', `${at}.img`, contentOf(at))
      const answers = await cache.answers(waiters, 'reads that wait for their images', 'C2')
      for (const [at, answer] of answers.entries())
        expectImage(answer, contentOf(at), 'C2', `the read of image ${at}, which waited`)
    },
  },
  {
    id: 'proxy-clients-that-leave-in-a-frame-give-back',
    clauses: ['R1'],
    level: 'should',
    patience: 3,
    role: 'proxy',
    about:
      'Clients leave behind the length of their header, inside it, and behind the header of a ' +
      'read. Their descriptors and threads are given back.',
    async run(proxy) {
      await proxy.store('1', 'large.img', someBytes(LARGE, proxy.seed))
      await expectGivenBack(proxy, leavingAt(proxy), LEAVING)
    },
  },
  {
    id: 'cache-clients-that-leave-in-a-frame-give-back',
    clauses: ['R1'],
    level: 'should',
    patience: 3,
    role: 'cache',
    about:
      'Clients leave behind the length of their header, inside it, and behind the header of a ' +
      'read. Their descriptors and threads are given back.',
    async run(cache) {
      await cache.forward('1', 'large.img', someBytes(LARGE, cache.seed))
      await cache.stillServes('C1')
      await expectGivenBack(cache, leavingAt(cache), LEAVING)
    },
  },
  {
    id: 'proxy-connections-give-memory-back',
    clauses: ['R1'],
    level: 'should',
    patience: 4,
    role: 'proxy',
    about:
      'A thousand reads of a missing image come, ten at a time. The resident memory of the proxy ' +
      'grows by less than 48 KiB for each, in one of two rounds.',
    async run(proxy) {
      await expectMemoryGivenBack(proxy, async (count) => {
        for (const _ of times(count, () => 0))
          await Promise.all(times(10, () => proxy.read('1', 'missing.img')))
      })
    },
  },
  {
    id: 'proxy-leaves-nothing-after-a-lost-link',
    clauses: ['R2', 'E4'],
    level: 'should',
    role: 'proxy',
    ownSharedMemory: true,
    about:
      'The cache resets the link. The proxy exits at once or at the finish, and leaves no process, ' +
      'no socket, nothing in TMPDIR or /dev/shm, and no file with bytes of an image.',
    async run(proxy) {
      const bytes = someBytes(LARGE, proxy.seed)
      await proxy.store('1', 'a.img', bytes)
      proxy.life.allowAnyEnd('its cache is lost')
      const watch = new LeftoverWatch(proxy)
      proxy.fakeCache.socket.resetAndDestroy()
      await proxy.write('1', 'b.img', bytes).catch(() => {})
      await proxy.finish().catch(() => {})
      await proxy.failedExit()
      await watch.expectNothing(bytes)
    },
  },
  {
    id: 'cache-leaves-nothing-after-a-lost-link',
    clauses: ['R2', 'E4'],
    level: 'should',
    role: 'cache',
    ownSharedMemory: true,
    about:
      'The link is reset inside an image. After the restore the cache exits, and leaves no ' +
      'process, no socket, nothing in TMPDIR or /dev/shm, and no file with bytes of an image.',
    async run(cache) {
      const bytes = someBytes(LARGE, cache.seed)
      await cache.forward('1', 'a.img', bytes)
      await cache.serves('1', 'a.img', bytes, 'C1')
      const half = { snapshotId: '1', name: 'b.img', openMode: O_WRONLY, size: 2 * LARGE }
      await cache.link.send(Buffer.concat([header(half), bytes]))
      const watch = new LeftoverWatch(cache)
      cache.life.allowAnyEnd('its link is lost')
      cache.resetLink()
      await cache.finishRestore()
      await cache.failedExit()
      await watch.expectNothing(bytes)
    },
  },
  {
    id: 'proxy-reads-while-hundreds-of-images-wait',
    clauses: ['R4', 'P1', 'L2'],
    role: 'proxy',
    about:
      `The link takes nothing, and ${QUEUED} clients write small images. Readers of an image that ` +
      'is complete, and of one that never was, are served at once. When the link moves again all ' +
      'images are forwarded.',
    async run(proxy) {
      const held = Buffer.from('held')
      await proxy.store('1', 'held.img', held)
      await proxy.stallLink()
      for (const at of times(QUEUED, (each) => each))
        await proxy.write('1', `${at}.img`, contentOf(at))
      await proxy.serves('1', 'held.img', held, 'R4', 'a read while images wait for the link')
      expectMissing(await proxy.read('1', 'missing.img'), 'P1')
      proxy.fakeCache.resume()
      for (const at of times(QUEUED, (each) => each))
        expectForwarded(await proxy.forwarded(`${at}.img`, undefined, 'R4'), contentOf(at), 'R4')
    },
  },
  {
    id: 'proxy-write-after-several-open-writes',
    clauses: ['W5', 'L10'],
    role: 'proxy',
    about:
      `${OPEN} large writes and a small one are open. While the proxy is stopped, they are closed, ` +
      'the small one last, and then another image is written. It is forwarded after all of them.',
    async run(proxy) {
      for (let round = 1; round <= rounds(proxy, 8); round++) {
        const names = times(OPEN, (at) => `${round}-${at}.img`)
        const bytes = someBytes(FITS, proxy.seed)
        const writers: Connection[] = []
        for (const name of [...names, `${round}-small.img`])
          writers.push(await proxy.openWrite('1', name))
        await proxy.stillServes('L2')
        await proxy.whileStopped(async () => {
          for (const [at, writer] of writers.entries()) {
            await writer.send(at < OPEN ? bytes : Buffer.from('small'))
            await writer.end()
          }
          await proxy.write('1', `${round}-last.img`, Buffer.from('last'))
        })
        for (const name of names) await expectInTurn(proxy, [name, `${round}-last.img`])
      }
    },
  },
  {
    id: 'proxy-list-of-more-than-64-kib',
    clauses: ['S2', 'S3'],
    needs: ['append'],
    role: 'proxy',
    about: 'Forty dumps push ids of 4000 bytes. The list has all of them, whole.',
    async run(proxy) {
      const ids = times(40, (at) => `/${at}/${'long/'.repeat(800)}`)
      for (const id of ids) await proxy.push(id)
      const list = Buffer.concat(ids.map((snapshotId) => snapshotEntry.encode(snapshotId)))
      await proxy.serves(proxy.names.nullId, 'parent', list, 'S2')
    },
  },
]

/** Returns the kinds of clients that leave in the middle of a frame, or right behind it. */
function leavingAt(side: DaemonContext): Kind[] {
  const request = { snapshotId: '1', name: 'large.img', openMode: O_RDONLY }
  const frame = localImage.encode(request)
  return [4, 5, frame.length - 1, frame.length].map((length) =>
    inTens(`leave behind ${length} of ${frame.length} bytes of a header`, () =>
      leaveAfter(side, frame.subarray(0, length)),
    ),
  )
}
