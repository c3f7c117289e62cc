import {
  type Answer,
  type Case,
  type Connection,
  demand,
  describe,
  ENOENT,
  expectForwarded,
  expectImage,
  expectMissing,
  expectRefused,
  expectVersion,
  O_APPEND,
  O_RDONLY,
  O_WRONLY,
  type ProxyUnderTest,
  someBytes,
} from '../../harness/conformance/index.ts'
import { pausedReader } from '../model/readers.ts'

/* Cases for the proxy: reads (P, S4), versions and readers (L7, L8, L9), and open modes (F4). */

const bytes = Buffer.from('some bytes')
const [O_RDWR, O_CREAT, O_TRUNC, O_CLOEXEC] = [2, 0o100, 0o1000, 0o2000000]

/**
 * Opens a write and sends its image, but does not end it. An image that is larger than the buffer
 * of a socket has been read by the proxy in part.
 */
async function unended(proxy: ProxyUnderTest, name: string, image: Buffer): Promise<Connection> {
  const client = await proxy.openWrite('1', name)
  await client.send(image)
  return client
}

/** Sends a header with this open mode and some bytes, and ends this side. */
async function openAs(proxy: ProxyUnderTest, name: string, openMode: number): Promise<void> {
  const client = await proxy.openWrite('1', name, openMode)
  await client.send(bytes)
  await client.end()
}

/** Demands that a server which takes an open mode with other bits takes it as that mode (F4). */
function expectSomeFlags(answer: Answer, image: Buffer, what: string): void {
  const holds = answer.error === 0 && answer.bytes.equals(image) && answer.end === 'end'
  const outcome = `error 0, ${image.length} bytes, and a close, or a refusal`
  demand(holds, what, { outcome, clause: 'F4', level: 'should' }, describe(answer))
}

export const cases: readonly Case[] = [
  {
    id: 'proxy-read-missing',
    clauses: ['L4', 'P1'],
    role: 'proxy',
    about:
      'A read of an image that was never written gets ENOENT and a close at once, and the proxy ' +
      'goes on serving.',
    async run(proxy) {
      expectMissing(await proxy.read('1', 'never.img'), 'L4')
      await proxy.stillServes('P1')
    },
  },
  {
    id: 'proxy-read-missing-then-written',
    clauses: ['P1', 'L4'],
    role: 'proxy',
    about:
      'Two hundred reads at once of missing images get ENOENT. Images of these names that are ' +
      'written later can be read.',
    async run(proxy) {
      const names = Array.from({ length: 200 }, (_, index) => `image-${index % 50}`)
      for (const answer of await Promise.all(names.map((name) => proxy.read('1', name))))
        expectMissing(answer, 'P1')
      for (const name of ['image-0', 'image-49']) {
        await proxy.store('1', name, Buffer.from(name))
        expectImage(await proxy.read('1', name), Buffer.from(name), 'L3')
      }
    },
  },
  {
    id: 'proxy-read-while-the-link-stalls',
    clauses: ['P1', 'L2', 'W5'],
    role: 'proxy',
    about:
      'The cache does not read, and a large image is on its way. Reads of missing images get ' +
      'ENOENT, other images are served, and small ones are taken.',
    async run(proxy) {
      await proxy.store('1', 'a.img', bytes)
      await proxy.stallLink()
      expectMissing(await proxy.read('1', 'never.img'), 'P1')
      expectImage(await proxy.read('1', 'a.img'), bytes, 'L2')
      await proxy.write('1', 'b.img', bytes)
      expectImage(await proxy.untilReadable('1', 'b.img', undefined, 'L2'), bytes, 'L2')
      proxy.fakeCache.resume()
      expectForwarded(await proxy.forwarded('b.img'), bytes, 'W5')
    },
  },
  {
    id: 'proxy-parents-images',
    clauses: ['S4', 'P1'],
    role: 'proxy',
    about:
      'A dump reads images of the pre-dump before it while it writes its own. Images of the ' +
      'parent are served, and an image of a new process, which the parent lacks, is ENOENT.',
    async run(proxy) {
      const pages = someBytes(700_000, proxy.seed)
      await proxy.store('/dumps/1', 'pagemap-1.img', bytes)
      await proxy.store('/dumps/1', 'pages-1.img', pages)
      const writer = await proxy.openWrite('/dumps/2', 'pages-1.img')
      await writer.send(pages.subarray(0, 300_000))
      expectImage(await proxy.read('/dumps/1', 'pagemap-1.img'), bytes, 'S4')
      expectImage(await proxy.read('/dumps/1', 'pages-1.img'), pages, 'S4')
      expectMissing(await proxy.read('/dumps/1', 'pagemap-2.img'), 'P1')
      expectMissing(await proxy.read('/dumps/2', 'pages-1.img'), 'P1')
      await writer.end()
      expectForwarded(
        await proxy.forwarded('pages-1.img', ({ snapshotId }) => snapshotId === '/dumps/2'),
        pages.subarray(0, 300_000),
        'W5',
      )
    },
  },
  {
    id: 'proxy-parents-of-several-dumps',
    clauses: ['S4', 'E3'],
    role: 'proxy',
    about:
      'Four dumps, one after the other, write images of the same names. In each of them the ' +
      'images of every earlier snapshot can be read.',
    async run(proxy) {
      const ids = ['/dumps/1', '/dumps/2', '/dumps/3', '/dumps/4']
      for (const [index, id] of ids.entries()) {
        await proxy.store(id, 'inventory.img', Buffer.from(`inventory of ${id}`))
        for (const parent of ids.slice(0, index + 1))
          expectImage(
            await proxy.read(parent, 'inventory.img'),
            Buffer.from(`inventory of ${parent}`),
            'S4',
          )
      }
    },
  },
  {
    id: 'proxy-reader-leaves',
    clauses: ['L8', 'L2'],
    role: 'proxy',
    about:
      'Readers of a large image leave before the reply, after it, and in the middle. The next ' +
      'reader gets the whole image, and writes are taken.',
    async run(proxy) {
      const image = someBytes(1_200_000, proxy.seed)
      await proxy.store('1', 'a.img', image)
      for (let round = 0; round < 5; round++) {
        const early = await proxy.openRead('1', 'a.img')
        early.socket.destroy()
        const late = await pausedReader(proxy, 'a.img')
        late.socket.destroy()
        const half = await proxy.openRead('1', 'a.img')
        await proxy.waitFor(
          'half an image',
          { outcome: 'its bytes', clause: 'L3' },
          half.until(() => half.received.length > 300_000 || half.ended !== undefined),
        )
        half.socket.destroy()
      }
      expectImage(await proxy.read('1', 'a.img'), image, 'L8')
      await proxy.stillServes('L8')
    },
  },
  {
    id: 'proxy-readers-of-many-leave-at-once',
    clauses: ['L8', 'L9'],
    role: 'proxy',
    about:
      'Thirty clients read one image at the same time, and all but three break off. These three ' +
      'get the whole image.',
    async run(proxy) {
      const image = someBytes(1_200_000, proxy.seed)
      await proxy.store('1', 'a.img', image)
      const readers = await Promise.all(
        Array.from({ length: 30 }, () => pausedReader(proxy, 'a.img')),
      )
      const stay = readers.filter((_, index) => index % 10 === 5)
      for (const reader of readers) {
        if (stay.includes(reader)) reader.socket.resume()
        else reader.socket.destroy()
      }
      for (const reader of stay) expectImage(await proxy.answer(reader), image, 'L8')
      await proxy.stillServes('L8')
    },
  },
  {
    id: 'proxy-slow-reader-delays-nobody',
    clauses: ['L2', 'L9'],
    role: 'proxy',
    about:
      'A client asks for a large image and does not read it. Other clients read it and write, ' +
      'then the first reads on and gets the whole image.',
    async run(proxy) {
      const image = someBytes(1_500_000, proxy.seed)
      await proxy.store('1', 'a.img', image)
      const slow = await pausedReader(proxy, 'a.img')
      const other = await proxy.openRead('1', 'a.img')
      const what = 'the answer to a read while another client does not read'
      const undelayed = { outcome: 'its image, not delayed by the other', clause: 'L2' }
      expectImage(await proxy.answer(other, what, undelayed), image, 'L2', what)
      await proxy.stillServes('L2')
      slow.socket.resume()
      expectImage(await proxy.answer(slow), image, 'L9')
    },
  },
  {
    id: 'proxy-read-again',
    clauses: ['L9', 'L3'],
    role: 'proxy',
    about:
      'An image is read five times, one after the other, and then by fifty clients at once. All ' +
      'of them get the same bytes.',
    async run(proxy) {
      const image = someBytes(100_001, proxy.seed)
      await proxy.store('1', 'a.img', image)
      for (let round = 0; round < 5; round++)
        expectImage(await proxy.read('1', 'a.img'), image, 'L9')
      const answers = await Promise.all(Array.from({ length: 50 }, () => proxy.read('1', 'a.img')))
      for (const answer of answers) expectImage(answer, image, 'L9')
    },
  },
  {
    id: 'proxy-unreadable-until-complete',
    clauses: ['L7', 'W3', 'P1'],
    role: 'proxy',
    about:
      'A writer has sent its whole image but not ended. Reads get ENOENT until it ends, and the ' +
      'image after that.',
    async run(proxy) {
      const image = someBytes(1_000_000, proxy.seed)
      const client = await unended(proxy, 'a.img', image)
      expectMissing(
        await proxy.read('1', 'a.img'),
        'L7',
        'a read of an image whose writer has not ended',
      )
      await client.end()
      await proxy.forwarded('a.img')
      expectImage(await proxy.read('1', 'a.img'), image, 'L7')
    },
  },
  {
    id: 'proxy-old-version-until-complete',
    clauses: ['L7', 'L5'],
    role: 'proxy',
    about:
      'While an image is written again, reads get its old version. After the writer has ended, ' +
      'they get the new one.',
    async run(proxy) {
      const [old, renewed] = [someBytes(500_000, proxy.seed), someBytes(1_000_000, proxy.seed + 1)]
      await proxy.store('1', 'a.img', old)
      const client = await unended(proxy, 'a.img', renewed)
      expectImage(
        await proxy.read('1', 'a.img'),
        old,
        'L7',
        'a read of an image that is written again',
      )
      await client.end()
      await proxy.forwarded('a.img', ({ size }) => size === renewed.length)
      expectImage(await proxy.read('1', 'a.img'), renewed, 'L7')
    },
  },
  {
    id: 'proxy-reader-keeps-its-version',
    clauses: ['L7', 'L2'],
    role: 'proxy',
    about:
      'A reader stops after its reply while the image is replaced by a shorter one. It reads on ' +
      'and gets the old version, whole, or a reset.',
    async run(proxy) {
      const [old, renewed] = [
        someBytes(1_500_000, proxy.seed),
        someBytes(1_000_000, proxy.seed + 1),
      ]
      await proxy.store('1', 'a.img', old)
      const reader = await pausedReader(proxy, 'a.img')
      await proxy.store('1', 'a.img', renewed)
      expectImage(await proxy.read('1', 'a.img'), renewed, 'L5')
      reader.socket.resume()
      expectVersion(
        await proxy.answer(reader),
        old,
        'a read that had begun before the image was replaced',
      )
    },
  },
  {
    id: 'proxy-open-modes-with-flags',
    clauses: ['F4', 'F6'],
    role: 'proxy',
    about:
      'A write has O_CREAT and O_TRUNC and a read has O_CLOEXEC, as in open(2). The proxy takes them ' +
      'as a write and a read, or refuses them. Other images are not affected.',
    async run(proxy) {
      await proxy.store('1', 'a.img', bytes)
      await openAs(proxy, 'b.img', O_WRONLY | O_CREAT | O_TRUNC)
      await proxy.stillServes('F6')
      const written = await proxy.read('1', 'b.img')
      if (written.error !== ENOENT)
        expectSomeFlags(written, bytes, 'a read of an image that was written with flags')
      const reader = await proxy.openWrite('1', 'a.img', O_RDONLY | O_CLOEXEC)
      const answer = await proxy.answer(reader)
      if (answer.error === 0) expectSomeFlags(answer, bytes, 'the answer to a read with flags')
      else expectRefused(answer, 'F4', 'the answer to a read with flags')
      expectImage(await proxy.read('1', 'a.img'), bytes, 'F6')
    },
  },
  {
    id: 'proxy-append-mode-with-flags',
    clauses: ['F4', 'L6'],
    needs: ['append'],
    role: 'proxy',
    about:
      'O_APPEND comes together with O_WRONLY and O_CREAT. The proxy takes it as an append, or ' +
      'refuses it: the present bytes stay in either case.',
    async run(proxy) {
      await proxy.store('1', 'a.img', Buffer.from('the bytes that are present'))
      for (const mode of [O_APPEND | O_WRONLY, O_APPEND | O_WRONLY | O_CREAT]) {
        const before = await proxy.read('1', 'a.img')
        await openAs(proxy, 'a.img', mode)
        await proxy.stillServes('F6')
        const answer = await proxy.read('1', 'a.img')
        const whole = Buffer.concat([before.bytes, bytes])
        if (answer.size !== before.size)
          expectSomeFlags(answer, whole, 'a read of an image after an append with flags')
        else expectImage(answer, before.bytes, 'F6')
      }
    },
  },
  {
    id: 'proxy-open-modes-without-meaning',
    clauses: ['F4', 'F6'],
    role: 'proxy',
    about:
      'Opens for reading and writing (2), and with the modes 3 and all ones, may be taken or ' +
      'refused. Other images and clients are not affected.',
    async run(proxy) {
      await proxy.store('1', 'a.img', bytes)
      for (const mode of [O_RDWR, O_RDWR | O_APPEND, 3, 0xffff_ffff])
        await openAs(proxy, 'b.img', mode)
      expectImage(await proxy.read('1', 'a.img'), bytes, 'F6')
      await proxy.stillServes('F6')
    },
  },
]
