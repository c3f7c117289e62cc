import {
  bytesInMemoryFiles,
  type Case,
  type Connection,
  demand,
  expectForwarded,
  expectImage,
  expectMissing,
  expectOneOf,
  localImage,
  MEGABYTE,
  MORE_THAN_A_LINK_HOLDS,
  O_APPEND,
  O_RDONLY,
  O_WRONLY,
  someBytes,
  times,
} from '../../harness/conformance/index.ts'
import { endsCleanly } from '../model/finish.ts'
import { withProcesses } from '../model/sleeping.ts'

/*
 * Cases for faults that the implementations of other architectures had, and that no other case
 * found in every run (harness/suite-check/architectures/).
 */

/** The longest time that a proxy may take to exit too early, in ms. */
const TOO_EARLY = 700

const short = Buffer.from('the second version')

const headerOf = (name: string, openMode: number) =>
  localImage.encode({ snapshotId: '1', name, openMode })

/** Sends the request to read an image on an open connection. */
const askFor = (client: Connection, name: string) =>
  client.send(headerOf(name, O_RDONLY), `read ${name}`)

export const cases: readonly Case[] = [
  {
    id: 'proxy-read-waits-for-a-sleeping-writer',
    clauses: ['L10'],
    role: 'proxy',
    about:
      'The process of a write sleeps while its client sends the rest and closes. A read that is ' +
      'opened then waits for the process, and gets the image.',
    async run(proxy) {
      const { opened: writer, own } = await withProcesses(proxy, () =>
        proxy.openWrite('1', 'a.img'),
      )
      await own.sleep()
      await writer.send(short)
      await writer.end()
      const reader = await proxy.openRead('1', 'a.img')
      await own.until(reader.reply())
      own.wake()
      const what = 'a read that was opened after the close of a write'
      expectImage(await proxy.answer(reader, what), short, 'L10', what)
    },
  },
  {
    id: 'proxy-write-waits-for-a-sleeping-writer',
    clauses: ['L10', 'W5'],
    role: 'proxy',
    about:
      'The process of a write sleeps while its client sends the rest and closes. A second write ' +
      'of the same image is opened after that close: it is forwarded second, and stays.',
    async run(proxy) {
      const first = Buffer.from('the first version, which is longer')
      const { opened: writer, own } = await withProcesses(proxy, () =>
        proxy.openWrite('1', 'a.img'),
      )
      await own.sleep()
      await writer.send(first)
      await writer.end()
      await proxy.write('1', 'a.img', short)
      const isShort = ({ size }: { size: number }) => size === short.length
      const second = proxy.forwarded('a.img', isShort)
      await own.until(second)
      own.wake()
      const what = 'the second of two writes'
      const both = proxy.forwarded('a.img', ({ size }) => size === first.length, 'W5')
      await Promise.all([both, second])
      const sizes = proxy.fakeCache.images
        .filter(({ name }) => name === 'a.img')
        .map(({ size }) => size)
      demand(
        sizes.join() === `${first.length},${short.length}`,
        'the versions on the link',
        { outcome: `${first.length} bytes, then ${short.length}`, clause: 'L10' },
        `${sizes.join(' bytes, then ')}, although the first was closed before`,
      )
      expectImage(await proxy.read('1', 'a.img'), short, 'L10', what)
    },
  },
  {
    id: 'proxy-finish-waits-for-a-sleeping-header',
    clauses: ['E1a'],
    role: 'proxy',
    about:
      'The process of a connection sleeps while its client sends a header and bytes and closes. ' +
      'The dump is finished after that close: the image is forwarded before the end.',
    async run(proxy) {
      const { opened: writer, own } = await withProcesses(proxy, () => proxy.connect())
      await own.sleep()
      await writer.send(headerOf('a.img', O_WRONLY), 'write a.img')
      await writer.send(short)
      await writer.end()
      await proxy.finish()
      await own.until(proxy.fakeCache.untilEnd())
      own.wake()
      const what = 'the image, whose writer closed before the finish'
      const image = await proxy.forwarded('a.img', undefined, 'E1a', what)
      expectForwarded(image, short, 'E1a')
      await endsCleanly(proxy, 'E1a')
    },
  },
  {
    id: 'proxy-finish-waits-for-a-sleeping-writer',
    clauses: ['E1a'],
    role: 'proxy',
    about:
      'The process of a write sleeps while its client sends the rest and closes. The dump is ' +
      'finished after that close: the image is forwarded before the end.',
    async run(proxy) {
      const { opened: writer, own } = await withProcesses(proxy, () =>
        proxy.openWrite('1', 'a.img'),
      )
      await own.sleep()
      await writer.send(short)
      await writer.end()
      await proxy.finish()
      await own.until(proxy.fakeCache.untilEnd())
      own.wake()
      const what = 'the image, whose writer closed before the finish'
      const image = await proxy.forwarded('a.img', undefined, 'E1a', what)
      expectForwarded(image, short, 'E1a')
      await endsCleanly(proxy, 'E1a')
    },
  },
  {
    id: 'proxy-append-beside-a-sleeping-append',
    clauses: ['L6', 'L7'],
    needs: ['append'],
    role: 'proxy',
    about:
      'The process of an append has told the others of its end and sleeps. A second append to the ' +
      'image, open since before, ends: the image has the bytes of both, in either order.',
    async run(proxy) {
      const [one, two] = [someBytes(50_000, proxy.seed), someBytes(1_000, proxy.seed + 1)]
      await proxy.store('1', 'a.img', short)
      const second = await proxy.openWrite('1', 'a.img', O_APPEND)
      const { opened: first, own } = await withProcesses(proxy, () =>
        proxy.openWrite('1', 'a.img', O_APPEND),
      )
      await own.sleepOthers()
      await first.send(one)
      await first.end()
      await own.untilIdle()
      await own.sleep()
      own.wakeOthers()
      await second.send(two)
      await second.end()
      const early = ({ size }: { size: number }) => size === short.length + two.length
      await own.until(proxy.forwarded('a.img', early))
      own.wake()
      const what = 'an image after two appends that ended at once'
      const orders = [
        [one, two],
        [two, one],
      ].map((parts) => Buffer.concat([short, ...parts]))
      expectOneOf(await proxy.read('1', 'a.img'), orders, 'L6', what)
    },
  },
  {
    id: 'proxy-finish-directly-after-large-appends',
    clauses: ['E1a', 'E1', 'L6'],
    needs: ['append'],
    role: 'proxy',
    about:
      'Four images get an append of 8 MiB each, and the dump is finished directly after their ' +
      'closes, on a connection that is older. All are forwarded whole, and the proxy exits with 0.',
    async run(proxy) {
      const names = times(4, (at) => `${at}.img`)
      const part = someBytes(8 * MEGABYTE, proxy.seed)
      for (const name of names) await proxy.store('1', name, short)
      proxy.life.allowExit('the dump is finished')
      await Promise.all(names.map((name) => proxy.append('1', name, part)))
      await proxy.finish()
      for (const name of names) {
        const what = 'the image with its append, whose writer closed before the finish'
        const isWhole = ({ size }: { size: number }) => size > short.length
        const image = await proxy.forwarded(name, isWhole, 'E1a', what)
        expectForwarded(image, Buffer.concat([short, part]), 'E1a')
      }
      await endsCleanly(proxy, 'E1a')
    },
  },
  {
    id: 'proxy-forwards-the-version-that-waited',
    clauses: ['W5', 'W4'],
    role: 'proxy',
    about:
      'Two versions of an image of 1 MiB are written while the link stalls. Both are forwarded ' +
      'with their own bytes, in their order.',
    async run(proxy) {
      await proxy.stallLink()
      const first = someBytes(MEGABYTE, proxy.seed)
      await proxy.write('1', 'a.img', first)
      await proxy.untilReadable('1', 'a.img')
      await proxy.write('1', 'a.img', short)
      expectImage(await proxy.read('1', 'a.img'), short, 'L10')
      proxy.fakeCache.resume()
      const old = await proxy.forwarded('a.img', ({ size }) => size === first.length)
      expectForwarded(old, first, 'W5')
      const isShort = ({ size }: { size: number }) => size === short.length
      expectForwarded(await proxy.forwarded('a.img', isShort), short, 'W5')
    },
  },
  {
    id: 'proxy-finish-is-heard-before-the-backlog',
    clauses: ['E1a'],
    role: 'proxy',
    about:
      'Of the proxy only the process of one connection runs. Four clients write and close, and ' +
      'that connection sends the finish. The others wake and know the finish already, but the ' +
      'clients in the backlog were before it: their images are forwarded.',
    async run(proxy) {
      const { opened: finish, own } = await withProcesses(proxy, () => proxy.connect())
      const names = ['a.img', 'b.img', 'c.img', 'd.img']
      const { nullId, dumpFinish } = proxy.names
      proxy.life.allowExit('the dump is finished')
      await own.sleepOthers()
      for (const name of names) await proxy.write('1', name, Buffer.from(name))
      await finish.send(
        localImage.encode({ snapshotId: nullId, name: dumpFinish, openMode: O_WRONLY }),
        'the finish',
      )
      await finish.end()
      await own.untilIdle()
      own.wakeOthers()
      const what = 'the image, whose writer closed before the finish'
      for (const name of names) {
        const image = await proxy.forwarded(name, undefined, 'E1a', what)
        expectForwarded(image, Buffer.from(name), 'E1a')
      }
      await endsCleanly(proxy, 'E1a')
    },
  },
  {
    id: 'proxy-reader-beside-a-sleeping-append',
    clauses: ['L7', 'L6'],
    needs: ['append'],
    role: 'proxy',
    about:
      'The process of an append has told the others of its end and sleeps. A client whose ' +
      'connection is older reads the image: the version before the append or after it, whole.',
    async run(proxy) {
      const part = someBytes(50_000, proxy.seed)
      await proxy.store('1', 'a.img', short)
      const reader = await proxy.connect()
      const { opened: writer, own } = await withProcesses(proxy, () =>
        proxy.openWrite('1', 'a.img', O_APPEND),
      )
      await own.sleepOthers()
      await writer.send(part)
      await writer.end()
      await own.untilIdle()
      await own.sleep()
      own.wakeOthers()
      await askFor(reader, 'a.img')
      const answer = reader.answer()
      await own.until(answer)
      own.wake()
      const what = 'a read beside an append that is being stored'
      const permitted = { outcome: 'a reply and a close', clause: 'L3' }
      const versions = [short, Buffer.concat([short, part])]
      expectOneOf(await proxy.waitFor(what, permitted, answer), versions, 'L7', what)
      expectImage(await proxy.read('1', 'a.img'), versions[1] as Buffer, 'L10')
    },
  },
  {
    id: 'proxy-versions-give-shared-memory-back',
    clauses: ['R1'],
    level: 'should',
    patience: 4,
    role: 'proxy',
    about:
      'An image of 1 MiB is written forty times. Files without a disk that the proxy has open, ' +
      'such as those of a tmpfs, do not grow by more than half of that.',
    async run(proxy) {
      const held = () => bytesInMemoryFiles(proxy.daemon.tree)
      for (let at = 0; at < 2; at++) await proxy.store('1', 'a.img', someBytes(MEGABYTE, at))
      const before = held()
      for (let at = 0; at < 40; at++) {
        const last = someBytes(MEGABYTE + at + 1, at)
        await proxy.store('1', 'a.img', last)
      }
      const growth = held() - before
      demand(
        growth <= 20 * MEGABYTE,
        'the files in memory that the proxy has open, after forty versions of one image',
        { outcome: 'at most 20 MiB more than after two', clause: 'R1' },
        `${Math.round(growth / MEGABYTE)} MiB more`,
      )
    },
  },
  {
    id: 'proxy-exits-after-its-readers',
    clauses: ['E1b', 'E1'],
    role: 'proxy',
    about:
      'A reader has its reply for an image of 8 MiB and pauses while the dump is finished. The ' +
      'proxy does not exit before the reader has the image.',
    async run(proxy) {
      const image = someBytes(MORE_THAN_A_LINK_HOLDS, proxy.seed)
      await proxy.store('1', 'a.img', image)
      const reader = await proxy.openRead('1', 'a.img')
      await proxy.waitFor('the reply', { outcome: 'error 0', clause: 'L3' }, reader.reply())
      reader.socket.pause()
      await proxy.finish()
      const late = Symbol('late')
      const timer = new Promise((resolve) => setTimeout(resolve, TOO_EARLY, late))
      const first = await Promise.race([proxy.daemon.process.exited, timer])
      const what = 'the proxy while a reader that has its reply pauses'
      const permitted = {
        outcome: 'it runs until the reader has its whole version',
        clause: 'E1b',
      }
      demand(first === late, what, permitted, 'its exit, less than a second after the finish')
      reader.socket.resume()
      expectImage(await proxy.answer(reader), image, 'E1b')
      await endsCleanly(proxy, 'E1a')
    },
  },
  {
    id: 'proxy-close-is-seen-beside-younger-clients',
    clauses: ['L3', 'L4', 'L2'],
    role: 'proxy',
    about:
      'A client connects, then six others that stay without a byte. The first one reads an image ' +
      'and a missing one: each answer ends with a close, which no other client holds back.',
    async run(proxy) {
      await proxy.store('1', 'a.img', short)
      const [one, two] = [await proxy.connect(), await proxy.connect()]
      const idle = [await proxy.connect(), await proxy.connect()]
      for (let at = 0; at < 4; at++) idle.push(await proxy.connect())
      expectMissing(await proxy.read('1', 'missing.img'), 'L4')
      await askFor(one, 'a.img')
      const what = 'the read of a client that is older than six idle ones'
      expectImage(await proxy.answer(one, what), short, 'L3', what)
      await askFor(two, 'missing.img')
      expectMissing(await proxy.answer(two, what), 'L4', what)
      for (const client of idle) client.socket.destroy()
    },
  },
]
