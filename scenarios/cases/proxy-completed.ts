import {
  type Case,
  demand,
  expectForwarded,
  expectImage,
  LIST,
  MEGABYTE,
  type ProxyUnderTest,
  snapshotEntry,
  someBytes,
  times,
} from '../../harness/conformance/index.ts'
import { repliesUncut } from '../model/pieces.ts'

/*
 * Cases for the proxy: a client reads an image directly after it completed it (L10), and the pieces
 * of replies and of the list (L11).
 */

/** Bytes of an image that no buffer of a UNIX socket holds. */
const MORE_THAN_A_SOCKET_HOLDS = 2 * MEGABYTE

/** Reads an image on a connection opened after its completion, and demands these bytes (L10). */
async function readsAtOnce(
  proxy: ProxyUnderTest,
  [snapshotId, name]: readonly [string, string],
  bytes: Buffer,
): Promise<void> {
  const what = 'a read that was opened after the close of the write'
  expectImage(await proxy.read(snapshotId, name), bytes, 'L10', what)
}

export const cases: readonly Case[] = [
  {
    id: 'proxy-list-is-read-at-once',
    clauses: ['L10', 'S3'],
    needs: ['append'],
    role: 'proxy',
    about:
      'Forty dumps push their id and read the list back at once, with nothing awaited in between, ' +
      'as CRIU does. Each of them finds its own id at the end.',
    async run(proxy) {
      let list = Buffer.alloc(0)
      for (const at of times(40, (index) => index)) {
        await proxy.push(`/dumps/${at}`)
        list = Buffer.concat([list, snapshotEntry.encode(`/dumps/${at}`)])
        await readsAtOnce(proxy, [proxy.names.nullId, LIST], list)
      }
    },
  },
  {
    id: 'proxy-large-write-is-read-at-once',
    clauses: ['L10', 'L5'],
    role: 'proxy',
    about:
      'Images that are larger than the buffer of a socket are written, closed and read at once, ' +
      'while other clients write. Each read gets its image.',
    async run(proxy) {
      for (const at of times(8, (index) => index)) {
        const bytes = someBytes(MORE_THAN_A_SOCKET_HOLDS + at, proxy.seed + at)
        const others = times(4, (other) => proxy.write('2', `${at}-${other}`, someBytes(100_000)))
        await proxy.write('1', `${at}.img`, bytes)
        await readsAtOnce(proxy, ['1', `${at}.img`], bytes)
        await Promise.all(others)
      }
    },
  },
  {
    id: 'proxy-second-write-comes-second',
    clauses: ['L10', 'W5', 'L5'],
    role: 'proxy',
    about:
      'An image larger than the buffer of a socket is written, and a short one of the same name is ' +
      'opened after its close. The short one is read, and is forwarded after the large one.',
    async run(proxy) {
      for (const at of times(5, (index) => index)) {
        const name = `${at}.img`
        const [first, second] = [someBytes(MORE_THAN_A_SOCKET_HOLDS, at), someBytes(10 + at, at)]
        await proxy.write('1', name, first)
        await proxy.write('1', name, second)
        await readsAtOnce(proxy, ['1', name], second)
        const short = await proxy.forwarded(name, ({ size }) => size === second.length)
        expectForwarded(short, second, 'L10')
        const order = proxy.fakeCache.images.filter((image) => image.name === name)
        const sizes = order.map(({ size }) => size).join(' and ')
        const expected = `${first.length} and ${second.length}`
        const permitted = { outcome: `the sizes ${expected}, in this order`, clause: 'W5' }
        demand(sizes === expected, `the versions of ${name} on the link`, permitted, sizes)
      }
    },
  },
  {
    id: 'proxy-second-append-comes-second',
    clauses: ['L10', 'L6'],
    needs: ['append'],
    role: 'proxy',
    about:
      'An append larger than the buffer of a socket is followed by a short one, opened after its ' +
      'close, again and again. The image has their bytes in this order.',
    async run(proxy) {
      let whole = Buffer.alloc(0)
      for (const at of times(4, (index) => index)) {
        const parts = [someBytes(MEGABYTE, at), someBytes(10, at + 1)]
        for (const part of parts) await proxy.append('1', 'a.img', part)
        whole = Buffer.concat([whole, ...parts])
        await readsAtOnce(proxy, ['1', 'a.img'], whole)
      }
    },
  },
  {
    id: 'proxy-append-comes-before-a-later-image',
    clauses: ['W5', 'L6'],
    needs: ['append'],
    role: 'proxy',
    about:
      'While the link takes nothing, an image is appended to, another one is written, and the ' +
      'first is appended to again, each opened after the close of the one before. On the link the ' +
      'first image comes before the other, which a reader at the cache may wait for.',
    async run(proxy) {
      await proxy.stallLink()
      await proxy.append('1', 'first.img', Buffer.from('some bytes'))
      await proxy.write('1', 'other.img', someBytes(1000))
      await proxy.append('1', 'first.img', Buffer.from(' and more'))
      proxy.fakeCache.resume()
      await proxy.stillServes('W5')
      const names = proxy.fakeCache.images.map(({ name }) => name)
      const order = names.filter((name) => name === 'first.img' || name === 'other.img')
      demand(
        order[0] === 'first.img' && order.includes('other.img'),
        'the order of images on the link',
        { outcome: 'first.img, whose append was closed first, before other.img', clause: 'W5' },
        order.join(', '),
      )
    },
  },
  {
    id: 'proxy-replies-in-one-piece',
    clauses: ['L11'],
    level: 'should',
    role: 'proxy',
    about:
      'An image and a missing one are read again and again. The length of each reply ' +
      'comes in one piece, and so does its body, as every CRIU expects.',
    async run(proxy) {
      await proxy.store('1', 'a.img', someBytes(1000))
      for (const name of ['a.img', 'missing.img'])
        await repliesUncut(proxy, ['1', name], {
          what: `the reply to a read of ${name}`,
        })
    },
  },
  {
    id: 'proxy-list-records-in-one-piece',
    clauses: ['L11', 'S3'],
    level: 'should',
    needs: ['append'],
    role: 'proxy',
    about:
      'The list has twenty records of 100 to 2,000 bytes and is read again and again. The ' +
      'length of each record comes in one piece, and so does its body, as every CRIU expects.',
    async run(proxy) {
      const { nullId } = proxy.names
      const ids = times(20, (at) => `${at}`.padEnd(100 * (at + 1), '/x'))
      for (const id of ids) await proxy.push(id)
      const list = Buffer.concat(ids.map((id) => snapshotEntry.encode(id)))
      const read = { what: 'the list of snapshots', isList: true }
      expectImage(await repliesUncut(proxy, [nullId, LIST], read), list, 'S3')
    },
  },
]
