import {
  type Case,
  DiskWatch,
  demand,
  expectForwarded,
  expectGivenBack,
  expectMemoryGivenBack,
  expectMissing,
  inTens,
  type Kind,
  LeftoverWatch,
  MEGABYTE,
  type ProxyUnderTest,
  SPARE,
  someBytes,
  times,
  untilFull,
} from '../../harness/conformance/index.ts'
import { leave, leaveAfter } from '../model/readers.ts'

/* Cases for the proxy: its resources (R1 to R4). */

/** Connections of a case about their end. */
const MANY = 1_000
/** Open files of a daemon with a low limit. */
const FEW = 256
/** Clients at a daemon with a low limit. */
const CROWD = 400

export const cases: readonly Case[] = [
  {
    id: 'proxy-thousand-connections-give-back',
    clauses: ['R1'],
    level: 'should',
    patience: 4,
    role: 'proxy',
    about:
      'A thousand connections come after one another, ten at a time: writes, appends, reads, reads of missing ' +
      'images, readers that leave half way, half headers, wrong frames, and connections that send ' +
      'nothing. The proxy then has no more descriptors, threads, processes or zombies than after ' +
      `ten, but for ${SPARE}, which a runtime may add late.`,
    async run(proxy) {
      await proxy.store('1', 'large.img', someBytes(MEGABYTE, proxy.seed))
      await expectGivenBack(proxy, kindsAt(proxy), MANY)
    },
  },
  {
    id: 'proxy-replaced-images-give-back',
    clauses: ['R1'],
    level: 'should',
    patience: 4,
    role: 'proxy',
    about:
      'An image of 1 MiB is written and forwarded 104 times. The resident memory of the proxy grows ' +
      'by at most 48 MiB with the last 96, which is half of their bytes. A collector of garbage ' +
      'may let more wait, once, so only growth in a second round of 96 counts as well.',
    async run(proxy) {
      const bytes = someBytes(MEGABYTE, proxy.seed)
      await expectMemoryGivenBack(proxy, async (count) => {
        const { images } = proxy.fakeCache
        await Promise.all(times(count, () => proxy.write('1', 'a.img', bytes)))
        await proxy.waitFor(
          'the forwarding of an image that replaces another',
          { outcome: 'the image on the connection to the cache', clause: 'W5' },
          proxy.fakeCache.until(() => images.length >= count),
        )
        // The images of the fake cache would fill the memory of this process.
        images.length = 0
      })
    },
  },
  {
    id: 'proxy-leaves-nothing',
    clauses: ['R2', 'E1'],
    level: 'should',
    role: 'proxy',
    about:
      'A proxy takes, serves and forwards an image of 2 MiB beside a client that sends half a ' +
      'header, and exits after the finish. It leaves no process, no socket, nothing in TMPDIR, ' +
      'no segment of shared memory, nothing in a /dev/shm of its own (where the suite can make ' +
      'one), and no file with bytes of the image. A log is no leftover.',
    ownSharedMemory: true,
    async run(proxy) {
      const bytes = someBytes(2 * MEGABYTE, proxy.seed)
      await proxy.store('1', 'a.img', bytes)
      await proxy.serves('1', 'a.img', bytes, 'L3')
      const idle = await proxy.connect()
      await idle.send(Buffer.from([20, 0, 0]))
      const watch = new LeftoverWatch(proxy)
      await proxy.finish()
      await proxy.cleanExit()
      await watch.expectNothing(bytes)
    },
  },
  {
    id: 'proxy-image-stays-off-disks',
    clauses: ['R3', 'W3'],
    role: 'proxy',
    directoriesOnDisk: true,
    about:
      'A client writes an image of 8 MiB. Half way, when it is complete, and when it was read back, ' +
      'every process of the proxy is stopped. None of its open files on a disk, and no file in its ' +
      'directories, holds bytes of the image, and the kernel counts fewer written bytes than a ' +
      'quarter of the image.',
    async run(proxy) {
      const bytes = someBytes(8 * MEGABYTE, proxy.seed)
      await proxy.stillServes('W3')
      const watch = new DiskWatch(proxy, bytes)
      const writer = await proxy.openWrite('1', 'a.img')
      await writer.send(bytes.subarray(0, bytes.length / 2))
      await watch.expectNone('half way through a write')
      await writer.send(bytes.subarray(bytes.length / 2))
      await writer.end()
      expectForwarded(await proxy.forwarded('a.img'), bytes, 'W3')
      await watch.expectNone('after an image was forwarded')
      await proxy.serves('1', 'a.img', bytes, 'L3')
      await watch.expectNone('after an image was read back')
    },
  },
  {
    id: 'proxy-queued-images-stay-off-disks',
    clauses: ['R3', 'R4'],
    role: 'proxy',
    directoriesOnDisk: true,
    about:
      'The link takes nothing while four images of 2 MiB are written behind a large one. No byte ' +
      'of them is on a disk while they wait, and they are forwarded when the link moves again.',
    async run(proxy) {
      const bytes = someBytes(2 * MEGABYTE, proxy.seed)
      const watch = new DiskWatch(proxy, bytes)
      await proxy.stallLink()
      const names = times(4, (at) => `${at}.img`)
      const writes = names.map((name) => proxy.write('1', name, bytes))
      await proxy.waitFor(
        'taking four images while the link takes nothing',
        { outcome: 'all bytes taken: 16 images or 16 MiB at least may wait', clause: 'R4' },
        Promise.all(writes),
      )
      await watch.expectNone('while images wait for the link')
      proxy.fakeCache.resume()
      for (const name of names) expectForwarded(await proxy.forwarded(name), bytes, 'W5')
      await watch.expectNone('after images have waited for the link')
    },
  },
  {
    id: 'proxy-writers-beyond-the-limit-of-descriptors',
    clauses: ['R4', 'W5'],
    level: 'should',
    role: 'proxy',
    limits: { descriptors: FEW },
    about:
      `A proxy may open ${FEW} files, and cannot raise that limit. ${CROWD} clients write at ` +
      'once, and none closes before the proxy has taken as many as it can: the others wait in the ' +
      'backlog. Then all close, and all images are forwarded before the exit.',
    async run(proxy) {
      const body = (at: number) => Buffer.from(`image of client ${at}`)
      const full = Promise.withResolvers<void>()
      let begun = 0
      const writes = times(CROWD, async (at) => {
        const writer = await proxy.openWrite('1', `${at}.img`)
        await writer.send(body(at))
        begun++
        await full.promise
        await writer.end()
      })
      await untilFull(() => begun, CROWD)
      full.resolve()
      const taken = { outcome: `a connection for each of ${CROWD} clients`, clause: 'R4' }
      const seen = () => `${begun} of ${CROWD} clients have sent their images`
      await proxy.waitFor('taking the writes of many clients', taken, Promise.all(writes), seen)
      await untilFull(() => proxy.fakeCache.images.length, CROWD)
      await proxy.finish()
      const { code } = await proxy.exit({ clause: 'E1' })
      const sizes = new Map(proxy.fakeCache.images.map(({ name, size }) => [name, size]))
      const lost = times(CROWD, (at) => at).filter(
        (at) => sizes.get(`${at}.img`) !== body(at).length,
      )
      demand(
        lost.length === 0,
        `the images of ${CROWD} clients, which all connected and closed`,
        { outcome: 'all images on the link', clause: 'R4' },
        `${lost.length} images are missing, the first that of client ${(lost[0] ?? 0) + 1}; ` +
          `exit ${code}`,
      )
    },
  },
  {
    id: 'proxy-takes-all-when-the-link-moves',
    clauses: ['R4', 'L2'],
    level: 'should',
    role: 'proxy',
    about:
      'The link takes nothing, and 40 clients write images of 1 MiB. The proxy may stop taking ' +
      'their bytes, and serves readers of complete images meanwhile. When the link moves again, ' +
      'every image is taken and forwarded.',
    async run(proxy) {
      const held = Buffer.from('held')
      await proxy.store('1', 'held.img', held)
      await proxy.stallLink()
      const bytes = someBytes(MEGABYTE, proxy.seed)
      const names = times(40, (at) => `${at}.img`)
      const writes = Promise.all(names.map((name) => proxy.write('1', name, bytes)))
      for (const _ of times(20, () => 0)) await proxy.serves('1', 'held.img', held, 'R4')
      proxy.fakeCache.resume()
      const taken = { outcome: 'every write is taken once the link moves again', clause: 'R4' }
      await proxy.waitFor('taking images after the link has moved', taken, writes)
      for (const name of names)
        expectForwarded(await proxy.forwarded(name, undefined, 'R4'), bytes, 'R4')
    },
  },
]

/** Returns the kinds of connections at a proxy. Each ends before the next begins. */
function kindsAt(proxy: ProxyUnderTest): Kind[] {
  const small = Buffer.from('a small image')
  return [
    inTens('write', () => proxy.write('1', 'a.img', small)),
    inTens('append', () => proxy.append('1', 'list.img', Buffer.from('x'))),
    inTens('read', () => proxy.read('1', 'a.img')),
    inTens('read a missing image', async () =>
      expectMissing(await proxy.read('1', 'missing.img'), 'P1'),
    ),
    inTens('leave half way in a read', () => leave(proxy.openRead('1', 'large.img'))),
    inTens('leave after half a header', () => leaveAfter(proxy, Buffer.from([20, 0, 0]))),
    inTens('send a wrong frame', () => leaveAfter(proxy, Buffer.alloc(8, 0xff))),
    inTens('send nothing', () => leave(proxy.connect())),
  ]
}
