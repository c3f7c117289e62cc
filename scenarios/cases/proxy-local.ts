import { lstat, symlink } from 'node:fs/promises'
import {
  type Case,
  type Connection,
  demand,
  expectForwarded,
  expectImage,
  expectMissing,
  localImage,
  O_APPEND,
  O_WRONLY,
  type ProxyUnderTest,
  someBytes,
} from '../../harness/conformance/index.ts'

/* Cases for the proxy: writes and appends (L), and the forwarding of appends (D2). */

const first = Buffer.from('the first version, which is the longer one of the two')
const second = Buffer.from('the second version')

/** Sizes of a page and of buffers, one byte less and one byte more. */
const sizes = [1, 4095, 4096, 4097, 65_535, 65_536, 65_537, 1_048_575, 1_048_576, 1_048_577]

/** Appends, and waits until a read gets the whole image. */
async function grow(
  proxy: ProxyUnderTest,
  name: string,
  more: Buffer,
  whole: Buffer,
): Promise<void> {
  await proxy.append('1', name, more)
  expectImage(
    await proxy.untilReadable(
      '1',
      name,
      ({ error, size }) => error === 0 && size >= whole.length,
      'L6',
    ),
    whole,
    'L6',
  )
}

export const cases: readonly Case[] = [
  {
    id: 'proxy-socket-where-told',
    clauses: ['L1'],
    role: 'proxy',
    about: 'A UNIX socket is at the path that the proxy was given, and the proxy serves there.',
    async run(proxy) {
      const found = await lstat(proxy.socket)
      demand(
        found.isSocket(),
        proxy.socket,
        { outcome: 'a UNIX socket', clause: 'L1' },
        'another kind of file',
      )
      await proxy.stillServes('L1')
    },
  },
  {
    id: 'proxy-socket-linked',
    clauses: ['L1'],
    role: 'proxy',
    about:
      'The socket is linked into another directory, as CRIU needs it for one directory per ' +
      'snapshot. The proxy serves under that path as well.',
    async run(proxy) {
      const link = `${proxy.daemon.directory}/linked.sock`
      await symlink(proxy.socket, link)
      proxy.socket = link
      await proxy.stillServes('L1')
    },
  },
  {
    id: 'proxy-half-header-delays-nobody',
    clauses: ['L2', 'F6'],
    role: 'proxy',
    about:
      'Clients that sent nothing, a part of a length or half a header stay connected. Other ' +
      'clients write and read in the meantime.',
    async run(proxy) {
      const header = localImage.encode({ snapshotId: '1', name: 'late.img', openMode: O_WRONLY })
      const slow = await Promise.all(
        [0, 1, 4, 5, header.length - 1].map(async (sent) => ({
          sent,
          client: await proxy.connect(),
        })),
      )
      for (const { sent, client } of slow) if (sent > 0) await client.send(header.subarray(0, sent))
      await proxy.stillServes('L2')
      const { client } = slow[3] as { client: Connection }
      await client.send(Buffer.concat([header.subarray(5), first]))
      await client.end()
      expectForwarded(await proxy.forwarded('late.img'), first, 'L2')
    },
  },
  {
    id: 'proxy-thousand-connections',
    clauses: ['L2', 'W5'],
    role: 'proxy',
    about:
      'A thousand clients have an image open for writing at the same time. Another client is ' +
      'served in the meantime. Then all end, and every image is forwarded.',
    async run(proxy) {
      const clients = await Promise.all(
        Array.from({ length: 1000 }, (_, index) => proxy.openWrite('1', `image-${index}`)),
      )
      await Promise.all(
        clients.map((client, index) => client.send(Buffer.from(`bytes of ${index}`))),
      )
      await proxy.stillServes('L2')
      await Promise.all(clients.map((client) => client.end()))
      for (const index of clients.keys())
        expectForwarded(
          await proxy.forwarded(`image-${index}`),
          Buffer.from(`bytes of ${index}`),
          'W5',
        )
      expectImage(await proxy.read('1', 'image-999'), Buffer.from('bytes of 999'), 'L2')
    },
  },
  {
    id: 'proxy-read-back',
    clauses: ['L3', 'L5'],
    role: 'proxy',
    about: 'An image is written, closed, and read: error 0, its bytes, a close.',
    async run(proxy) {
      await proxy.store('1', 'a.img', first)
      expectImage(await proxy.read('1', 'a.img'), first, 'L3')
    },
  },
  {
    id: 'proxy-read-back-sizes',
    clauses: ['L3', 'W4'],
    role: 'proxy',
    about:
      'Images of a page, of 64 KiB and of 1 MiB, and of a byte more and less, are forwarded and ' +
      'read back whole.',
    async run(proxy) {
      const check = async (size: number) => {
        const bytes = someBytes(size, proxy.seed + size)
        expectForwarded(await proxy.store('1', `${size}.img`, bytes), bytes, 'W4')
        expectImage(await proxy.read('1', `${size}.img`), bytes, 'L3')
      }
      await Promise.all(sizes.map(check))
    },
  },
  {
    id: 'proxy-write-in-many-pieces',
    clauses: ['L5', 'F2'],
    role: 'proxy',
    about:
      'An image is written in 3,000 pieces of 0 to 99 bytes, the first of them together with the ' +
      'header. The image is their concatenation.',
    async run(proxy) {
      const bytes = someBytes(150_000, proxy.seed)
      const client = await proxy.connect()
      const header = localImage.encode({ snapshotId: '1', name: 'pieces.img', openMode: O_WRONLY })
      await client.send(Buffer.concat([header, bytes.subarray(0, 99)]))
      for (let at = 99, index = 0; at < bytes.length; at += index % 100, index++)
        await client.send(bytes.subarray(at, at + (index % 100)))
      await client.end()
      expectForwarded(await proxy.forwarded('pieces.img'), bytes, 'W4')
      expectImage(await proxy.read('1', 'pieces.img'), bytes, 'L3')
    },
  },
  {
    id: 'proxy-write-closed-at-once',
    clauses: ['L5', 'W5'],
    role: 'proxy',
    about:
      'Writers close both directions of their connection directly after the last byte. Their ' +
      'images are complete.',
    async run(proxy) {
      const names = Array.from({ length: 20 }, (_, index) => `closed-${index}`)
      for (const name of names) {
        const client = await proxy.openWrite('1', name)
        await client.send(first)
        client.socket.destroy()
      }
      for (const name of names) expectForwarded(await proxy.forwarded(name), first, 'L5')
    },
  },
  {
    id: 'proxy-write-has-no-answer',
    clauses: ['L5'],
    role: 'proxy',
    about: 'A writer gets no byte, neither after its header nor after its image.',
    async run(proxy) {
      const client = await proxy.openWrite('1', 'a.img')
      await client.send(someBytes(1_000_000, proxy.seed))
      await client.end()
      await proxy.forwarded('a.img')
      await proxy.stillServes('L5')
      const { received } = client
      demand(
        received.length === 0,
        'the bytes that a writer gets',
        { outcome: 'none', clause: 'L5' },
        received.toString('hex'),
      )
    },
  },
  {
    id: 'proxy-write-replaces',
    clauses: ['L5'],
    role: 'proxy',
    about:
      'An image is written four times, also shorter and empty. A read gets the last version ' +
      'only, and each version is forwarded.',
    async run(proxy) {
      for (const version of [first, second, Buffer.alloc(0), first]) {
        const count = proxy.fakeCache.images.length
        await proxy.write('1', 'a.img', version)
        const forwarded = await proxy.forwarded(
          'a.img',
          (image) => proxy.fakeCache.images.indexOf(image) >= count,
          'L5',
        )
        expectForwarded(forwarded, version, 'L5')
        expectImage(await proxy.read('1', 'a.img'), version, 'L5')
      }
    },
  },
  {
    id: 'proxy-append-creates',
    clauses: ['L6'],
    needs: ['append'],
    role: 'proxy',
    about: 'An append to a missing image creates it. An append of no bytes creates an empty image.',
    async run(proxy) {
      await grow(proxy, 'a.img', first, first)
      await grow(proxy, 'empty.img', Buffer.alloc(0), Buffer.alloc(0))
    },
  },
  {
    id: 'proxy-append-grows',
    clauses: ['L6', 'L5'],
    needs: ['append'],
    role: 'proxy',
    about:
      'Appends to a written image come one after the other. Each puts its bytes after the ' +
      'present ones, and one of no bytes changes nothing.',
    async run(proxy) {
      await proxy.store('1', 'a.img', first)
      let whole = first
      for (const more of [second, Buffer.alloc(0), someBytes(300_000, proxy.seed), second]) {
        whole = Buffer.concat([whole, more])
        await grow(proxy, 'a.img', more, whole)
      }
    },
  },
  {
    id: 'proxy-append-after-rewrite',
    clauses: ['L6', 'L5'],
    needs: ['append'],
    role: 'proxy',
    about:
      'An image grows by an append, is replaced by a write, and grows again. No byte of the old ' +
      'image is left.',
    async run(proxy) {
      await proxy.store('1', 'a.img', first)
      await grow(proxy, 'a.img', second, Buffer.concat([first, second]))
      await proxy.store('1', 'a.img', second)
      expectImage(await proxy.read('1', 'a.img'), second, 'L5')
      await grow(proxy, 'a.img', first, Buffer.concat([second, first]))
    },
  },
  {
    id: 'proxy-appends-at-once',
    clauses: ['L6', 'L7'],
    needs: ['append'],
    role: 'proxy',
    about:
      'Twenty clients append to one image at once, each in several pieces. The bytes of each ' +
      'client are there once and whole, in any order of the clients.',
    async run(proxy) {
      const block = (index: number) => Buffer.alloc(1000, 65 + index)
      const clients = await Promise.all(
        Array.from({ length: 20 }, () => proxy.openWrite('1', 'a.img', O_APPEND)),
      )
      for (const at of [0, 300, 600])
        await Promise.all(
          clients.map((client, index) =>
            client.send(block(index).subarray(at, at === 600 ? 1000 : at + 300)),
          ),
        )
      await Promise.all(clients.map((client) => client.end()))
      const { bytes } = await proxy.untilReadable('1', 'a.img', ({ size }) => size >= 20_000, 'L6')
      const blocks = Array.from({ length: 20 }, (_, index) =>
        bytes.subarray(index * 1000, index * 1000 + 1000).toString('latin1'),
      )
      const expected = clients.map((_, index) => block(index).toString('latin1'))
      const holds = bytes.length === 20_000 && expected.every((each) => blocks.includes(each))
      demand(
        holds,
        'an image after 20 appends',
        { outcome: '20 blocks, each whole', clause: 'L6' },
        `${bytes.length} bytes, or blocks torn apart`,
      )
    },
  },
  {
    id: 'proxy-empty-image',
    clauses: ['L7', 'W4'],
    role: 'proxy',
    about:
      'A write of no bytes makes an empty image. It is forwarded with size 0, and read with ' +
      'error 0 and no bytes, unlike a missing image.',
    async run(proxy) {
      expectForwarded(await proxy.store('1', 'empty.img', Buffer.alloc(0)), Buffer.alloc(0), 'L7')
      await proxy.stillServes('W4')
      expectImage(await proxy.read('1', 'empty.img'), Buffer.alloc(0), 'L7')
      expectMissing(await proxy.read('1', 'other.img'), 'L4')
    },
  },
  {
    id: 'proxy-append-forwarded-whole',
    clauses: ['D2', 'L6', 'W4'],
    dialects: ['ours', 'auto'],
    needs: ['append'],
    role: 'proxy',
    about:
      'Appends to an image and to a missing one are forwarded as the whole resulting image, with ' +
      'its size and an open mode with O_APPEND.',
    async run(proxy) {
      await proxy.store('1', 'a.img', first)
      for (const [name, before] of [
        ['a.img', first],
        ['b.img', Buffer.alloc(0)],
      ] as const) {
        for (let whole = before, round = 0; round < 3; round++) {
          whole = Buffer.concat([whole, second])
          await proxy.append('1', name, second)
          const size = whole.length
          const image = await proxy.forwarded(name, (each) => each.size === size, 'D2')
          expectForwarded(image, whole, 'D2')
          demand(
            (image.openMode & O_APPEND) !== 0,
            'the open mode of an append',
            { outcome: 'O_APPEND', clause: 'D2' },
            `${image.openMode}`,
          )
        }
      }
      await proxy.stillServes('W4')
    },
  },
  {
    id: 'proxy-append-forwarded-as-criu-does',
    clauses: ['D2', 'L6'],
    dialects: ['criu-2017', 'criu-2019'],
    needs: ['append'],
    role: 'proxy',
    about:
      'An append of n bytes to an image of m bytes is forwarded with size m+n, open mode ' +
      'O_APPEND, and the n new bytes. The next image follows them.',
    async run(proxy) {
      await proxy.store('1', 'a.img', first)
      for (let size = first.length, round = 0; round < 3; round++) {
        size += second.length
        await proxy.append('1', 'a.img', second)
        const image = await proxy.forwarded('a.img', (each) => each.size === size, 'D2')
        demand(
          image.bytes.equals(second),
          'a forwarded append',
          { outcome: 'its new bytes', clause: 'D2' },
          `${image.bytes.length} bytes`,
        )
        demand(
          (image.openMode & O_APPEND) !== 0,
          'the open mode of an append',
          { outcome: 'O_APPEND', clause: 'D2' },
          `${image.openMode}`,
        )
      }
      await proxy.stillServes('D2')
    },
  },
]
