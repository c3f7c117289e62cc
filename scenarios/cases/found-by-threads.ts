import { setTimeout as pause } from 'node:timers/promises'
import {
  type Case,
  type Connection,
  demand,
  expectForwarded,
  expectGivenBack,
  expectImage,
  header,
  localImage,
  O_APPEND,
  O_WRONLY,
  someBytes,
  times,
} from '../../harness/conformance/index.ts'
import { FITS, rounds } from '../model/stops.ts'

/* Cases that faults of an implementation with threads asked for (fixtures/rust-threads). */

/** Longer than the usual receive timeout of a second, in ms. */
const PAUSE = 1_500
/** Images on the link before its end: more than a second thread stores at once. */
const MANY = 3_000
/** Clients that wait for the last of them: each image that comes wakes all of them. */
const WAITERS = 200
/** Appends that end together. */
const APPENDS = 24
/** Clients that have sent half a header before the finish. */
const HALF = 80
/** Clients that do the same at once. */
const CLIENTS = 8

const headerOf = (name: string, size: number) =>
  header({ snapshotId: '1', name, openMode: O_WRONLY, size })

export const cases: readonly Case[] = [
  {
    id: 'proxy-open-writes-that-end-in-a-stop-are-read',
    clauses: ['L10'],
    role: 'proxy',
    about:
      'Eight writes are open. While the proxy is stopped, their bytes come, they are closed, a ' +
      'short one last in every other round, and then each is read, the last one first. Each read ' +
      'gets its image.',
    async run(proxy) {
      for (let round = 1; round <= rounds(proxy, 12); round++) {
        const images = times(CLIENTS, (at) => ({
          name: `${round}-${at}.img`,
          bytes: someBytes(at < CLIENTS - 1 || round % 2 === 0 ? FITS : 1, proxy.seed + at),
        }))
        const writers = await Promise.all(images.map(({ name }) => proxy.openWrite('1', name)))
        const readers: Connection[] = []
        await proxy.whileStopped(async () => {
          for (const [at, writer] of writers.entries()) {
            await writer.send((images[at] as (typeof images)[0]).bytes)
            await writer.end()
          }
          for (const { name } of images.toReversed())
            readers.unshift(await proxy.openRead('1', name))
        })
        const what = 'a read that was opened after the close of an older write'
        for (const [at, { bytes }] of images.entries())
          expectImage(await proxy.answer(readers[at] as Connection, what), bytes, 'L10', what)
      }
    },
  },
  {
    id: 'proxy-last-close-of-two-open-writes-is-read',
    clauses: ['L10', 'L5'],
    role: 'proxy',
    about:
      'Two writes of one image are open at once. The one that was opened last is closed first, ' +
      'and read. Then the other is closed, and a read gets its bytes.',
    async run(proxy) {
      const [first, second] = [Buffer.from('opened first'), Buffer.from('opened second')]
      const early = await proxy.openWrite('1', 'a.img')
      await early.send(first)
      await proxy.stillServes('L2')
      await proxy.write('1', 'a.img', second)
      await proxy.serves('1', 'a.img', second, 'L10')
      await early.end()
      await proxy.serves('1', 'a.img', first, 'L10', 'a read after the close of the other write')
    },
  },
  {
    id: 'proxy-appends-that-end-together',
    clauses: ['L6', 'L10'],
    needs: ['append'],
    role: 'proxy',
    about:
      'Twenty-four appends to an image of 128 KiB have sent their bytes. They are closed while the ' +
      'proxy is stopped. The image then has the bytes of each of them, once.',
    async run(proxy) {
      for (let round = 1; round <= rounds(proxy, 6); round++) {
        const base = someBytes(128 << 10, proxy.seed)
        const name = `${round}.img`
        await proxy.store('1', name, base)
        const writers = await Promise.all(
          times(APPENDS, () => proxy.openWrite('1', name, O_APPEND)),
        )
        for (const [at, writer] of writers.entries()) await writer.send(Buffer.from([at]))
        await proxy.stillServes('L2')
        await proxy.whileStopped(async () => {
          for (const writer of writers) await writer.end()
        })
        const what = 'the bytes of appends that were closed while the proxy was stopped'
        const { bytes } = await proxy.read('1', name)
        const added = [...bytes.subarray(base.length)].toSorted((one, other) => one - other)
        demand(
          bytes.subarray(0, base.length).equals(base) &&
            `${added}` === `${times(APPENDS, (at) => at)}`,
          what,
          { outcome: 'each of the 24 bytes once, after the image', clause: 'L6' },
          `${bytes.length} bytes, the last of them ${added}`,
        )
      }
    },
  },
  {
    id: 'proxy-writer-that-pauses',
    clauses: ['L5', 'W3'],
    role: 'proxy',
    about:
      `A client sends half of an image, pauses for ${PAUSE} ms, and sends the rest. Its close, and ` +
      'no timeout, completes the image.',
    async run(proxy) {
      const bytes = someBytes(FITS, proxy.seed)
      const writer = await proxy.openWrite('1', 'a.img')
      await writer.send(bytes.subarray(0, FITS / 2))
      await pause(PAUSE)
      await writer.send(bytes.subarray(FITS / 2))
      await writer.end()
      const what = 'the image of a client that paused'
      expectForwarded(await proxy.forwarded('a.img', undefined, 'L5', what), bytes, 'L5')
    },
  },
  {
    id: 'proxy-finish-after-the-rest-of-headers',
    clauses: ['E1a', 'E1b', 'E1'],
    role: 'proxy',
    about:
      'Eighty clients and that of the finish have sent half a header. While the proxy is stopped, ' +
      'the eighty send the rest and an image and close, and then the rest of the finish comes. ' +
      'All images are forwarded.',
    async run(proxy) {
      const names = times(HALF, (at) => `${at}.img`)
      const headers = names.map((name) =>
        localImage.encode({ snapshotId: '1', name, openMode: O_WRONLY }),
      )
      const finish = await proxy.connect()
      const { nullId, dumpFinish } = proxy.names
      const request = { snapshotId: nullId, name: dumpFinish, openMode: O_WRONLY }
      const finishHeader = localImage.encode(request)
      await finish.send(finishHeader.subarray(0, 6), 'half of the finish')
      const writers = await Promise.all(names.map(() => proxy.connect()))
      for (const [at, writer] of writers.entries())
        await writer.send((headers[at] as Buffer).subarray(0, 6), 'half a header')
      await proxy.stillServes('L2')
      await proxy.whileStopped(async () => {
        for (const [at, writer] of writers.entries()) {
          const rest = (headers[at] as Buffer).subarray(6)
          await writer.send(Buffer.concat([rest, Buffer.from(`image ${at}`)]))
          await writer.end()
        }
        proxy.life.allowExit('the dump is finished')
        await finish.send(finishHeader.subarray(6), 'the rest of the finish')
      })
      const what = 'the image of a client that sent the rest of its header before the finish'
      for (const [at, name] of names.entries())
        expectForwarded(
          await proxy.forwarded(name, undefined, 'E1a', what),
          Buffer.from(`image ${at}`),
          'E1a',
        )
    },
  },
  {
    id: 'proxy-finish-whose-client-stays',
    clauses: ['E1b', 'E1'],
    role: 'proxy',
    about:
      'The client of the finish keeps its connection open. The finish counts from its header: the ' +
      'link ends, and the proxy exits with 0.',
    async run(proxy) {
      await proxy.store('1', 'a.img', Buffer.from('an image'))
      proxy.life.allowExit('the dump is finished')
      await proxy.openWrite(proxy.names.nullId, proxy.names.dumpFinish)
      const { code } = await proxy.exit({ clause: 'E1b' })
      demand(code === 0, 'the exit of the proxy', { outcome: 'exit 0', clause: 'E1' }, `${code}`)
    },
  },
  {
    id: 'cache-last-of-many-images-before-the-end',
    clauses: ['C2', 'C3', 'W6'],
    role: 'cache',
    about:
      'Two hundred clients wait for the last of three thousand images, which come in one piece with the ' +
      'end of the link. Each gets the image.',
    async run(cache) {
      const last = Buffer.from('the last image')
      const waiters = await Promise.all(times(WAITERS, () => cache.openRead('1', 'last.img')))
      await cache.stillServes('C2')
      const images = times(MANY, (at) => headerOf(`${at}.img`, 0))
      const rest = [headerOf('last.img', last.length), last]
      await cache.whileStopped(async () => {
        await cache.link.send(Buffer.concat([...images, ...rest]))
        await cache.link.end()
      })
      const what = 'the answer to a client that waited for the last image before the end'
      const permitted = { outcome: 'the image', clause: 'C2' }
      for (const waiter of waiters)
        expectImage(await cache.answer(waiter, what, permitted), last, 'C2', what)
    },
  },
  {
    id: 'cache-waiters-that-leave-after-a-stop-give-back',
    clauses: ['R1'],
    level: 'should',
    patience: 4,
    role: 'cache',
    about:
      'The cache is stopped once and goes on. Then two hundred readers wait for images that do ' +
      'not come, and leave. Their descriptors and threads are given back.',
    async run(cache) {
      await cache.stillServes('C2')
      await cache.whileStopped(async () => {})
      await expectGivenBack(
        cache,
        [
          {
            name: 'leave while they wait',
            async run(count) {
              const waiters = await Promise.all(
                times(count, (at) => cache.openRead('1', `${count}-${at}.img`)),
              )
              await cache.stillServes('C2')
              for (const { socket } of waiters) socket.destroy()
            },
          },
        ],
        200,
      )
    },
  },
]
