import {
  type Case,
  demand,
  expectImage,
  expectVersion,
  header,
  LIST,
  MEGABYTE,
  O_APPEND,
  O_WRONLY,
  snapshotEntry,
  someBytes,
  times,
} from '../../harness/conformance/index.ts'
import {
  appendsNewBytes,
  appendsWhole,
  forwardAppend,
  imageOnLink,
  letItSee,
} from '../model/cache.ts'
import { repliesUncut } from '../model/pieces.ts'

/* Cases for the cache: reads, and identities, the list, new versions and appends (C, S, L7, D2). */

const nothingYet = { outcome: 'nothing until its image is complete', clause: 'C2' }

export const cases: readonly Case[] = [
  {
    id: 'cache-read-held',
    clauses: ['C1', 'L3', 'L9'],
    role: 'cache',
    about: 'A held image is read thirty times, one after the other. Each read gets all of it.',
    async run(cache) {
      const bytes = someBytes(30_000, cache.seed)
      await cache.forward('1', 'a.img', bytes)
      for (const _ of times(30, () => 0)) expectImage(await cache.read('1', 'a.img'), bytes, 'C1')
    },
  },
  {
    id: 'cache-read-while-another-arrives',
    clauses: ['C1', 'L2'],
    role: 'cache',
    about:
      'The proxy has stopped inside an image. Complete images are served in the meantime, and ' +
      'that one after its last byte has come.',
    async run(cache) {
      const whole = imageOnLink('1', 'slow.img', someBytes(300_000, cache.seed))
      await cache.link.send(
        Buffer.concat([imageOnLink('1', 'a.img', Buffer.from('held')), whole.subarray(0, -1)]),
      )
      for (const _ of times(10, () => 0))
        await cache.serves('1', 'a.img', Buffer.from('held'), 'C1')
      await cache.link.send(whole.subarray(-1))
      await cache.serves('1', 'slow.img', someBytes(300_000, cache.seed), 'C2')
    },
  },
  {
    id: 'cache-read-after-the-link-closed',
    clauses: ['C1', 'L9'],
    role: 'cache',
    about:
      'The proxy has closed the link. Fifty clients at once read an image of 200 KiB that came ' +
      'before, and get all of it.',
    async run(cache) {
      const bytes = someBytes(200 * 1024, cache.seed)
      await cache.forward('1', 'a.img', bytes)
      const waiter = await cache.openRead('1', 'missing.img')
      cache.closeLink()
      await cache.answer(waiter)
      const clients = await Promise.all(times(50, () => cache.openRead('1', 'a.img')))
      for (const answer of await cache.answers(clients, 'the answers to 50 reads at once', 'C1'))
        expectImage(answer, bytes, 'C1')
    },
  },
  {
    id: 'cache-waits-for-the-whole-image',
    clauses: ['C2', 'L7'],
    role: 'cache',
    about:
      'Two clients wait for an image of which all but the last byte has come. They get nothing ' +
      'while later reads of another image are answered. The last byte releases them.',
    async run(cache) {
      const bytes = someBytes(50_000, cache.seed)
      const waiter = await cache.openRead('1', 'slow.img')
      const whole = imageOnLink('1', 'slow.img', bytes)
      await cache.link.send(
        Buffer.concat([imageOnLink('1', 'a.img', Buffer.from('held')), whole.subarray(0, -1)]),
      )
      const second = await cache.openRead('1', 'slow.img')
      for (const _ of times(20, () => 0))
        await cache.serves('1', 'a.img', Buffer.from('held'), 'C1')
      for (const client of [waiter, second])
        demand(
          client.received.length === 0 && client.ended === undefined,
          'a client that waits',
          nothingYet,
          'an answer',
        )
      await cache.link.send(whole.subarray(-1))
      const what = 'the answers to two clients that wait for one image'
      for (const answer of await cache.answers([waiter, second], what, 'C2'))
        expectImage(answer, bytes, 'C2')
    },
  },
  {
    id: 'cache-200-waiters-of-one-image',
    clauses: ['C2', 'L9'],
    role: 'cache',
    about: 'Two hundred clients wait for the same image. Each of them gets all of it.',
    async run(cache) {
      const bytes = someBytes(100_000, cache.seed)
      const waiters = await Promise.all(times(200, () => cache.openRead('1', 'a.img')))
      await cache.forward('1', 'a.img', bytes)
      const what = 'the answers to 200 clients that wait for one image'
      for (const answer of await cache.answers(waiters, what, 'C2'))
        expectImage(answer, bytes, 'C2')
    },
  },
  {
    id: 'cache-waiters-are-answered-as-images-arrive',
    clauses: ['C2', 'L2'],
    role: 'cache',
    about:
      'Clients wait for a, b, c and d. The images come as d, c, b, a, each with the beginning of ' +
      'the next. Each client is answered before the next image is complete.',
    async run(cache) {
      const names = ['a', 'b', 'c', 'd']
      const waiters = await Promise.all(names.map((name) => cache.openRead('1', name)))
      const stream = names
        .map((name) => imageOnLink('1', name, Buffer.from(`image ${name}`)))
        .reverse()
      let begun = 0
      for (const [at, image] of stream.entries()) {
        const next = stream[at + 1]?.subarray(0, -1) ?? Buffer.alloc(0)
        await cache.link.send(Buffer.concat([image.subarray(begun), next]))
        begun = next.length
        const waiter = waiters.pop() as (typeof waiters)[0]
        expectImage(await cache.answer(waiter), Buffer.from(`image ${names[waiters.length]}`), 'C2')
        for (const other of waiters)
          demand(other.received.length === 0, 'a client that waits', nothingYet, 'an answer')
      }
    },
  },
  {
    id: 'cache-waiters-leave',
    clauses: ['C2', 'L8'],
    role: 'cache',
    about:
      'Twenty clients wait for an image of 1 MiB, and half of them leave before it comes. The ' +
      'others get it.',
    async run(cache) {
      const bytes = someBytes(MEGABYTE, cache.seed)
      const waiters = await Promise.all(times(20, () => cache.openRead('1', 'a.img')))
      for (const waiter of waiters.splice(0, 10)) waiter.reset()
      await cache.stillServes('L8')
      await cache.forward('1', 'a.img', bytes)
      for (const waiter of waiters) expectImage(await cache.answer(waiter), bytes, 'L8')
      await cache.stillServes('L8')
    },
  },
  {
    id: 'cache-waits-without-a-proxy',
    clauses: ['C4', 'C2'],
    role: 'cache',
    link: 'later',
    about:
      'Fifty clients read before a proxy has connected, and wait. The proxy then sends their ' +
      'images in another order, and each client gets its own.',
    async run(cache) {
      const waiters = await Promise.all(times(50, (at) => cache.openRead('1', `${at}.img`)))
      await letItSee(cache)
      await cache.connectLink()
      for (let at = 49; at >= 0; at--)
        await cache.forward('1', `${at}.img`, Buffer.from(`image ${at}`))
      for (const [at, waiter] of waiters.entries())
        expectImage(await cache.answer(waiter), Buffer.from(`image ${at}`), 'C4')
    },
  },
  {
    id: 'cache-clients-leave-before-the-proxy-comes',
    clauses: ['C4', 'L8', 'F6'],
    role: 'cache',
    link: 'later',
    about:
      'Before a proxy has connected, clients wait and leave, send nonsense, or send half a ' +
      'header. One client stays and gets its image from the proxy.',
    async run(cache) {
      const stays = await cache.openRead('1', 'a.img')
      for (const bytes of [
        Buffer.from('nonsense, of some length'),
        Buffer.alloc(4),
        Buffer.from([9, 0]),
      ]) {
        const client = await cache.connect()
        await client.send(bytes)
        client.reset()
        const leaves = await cache.openRead('1', 'a.img')
        leaves.reset()
      }
      await letItSee(cache)
      await cache.connectLink()
      await cache.forward('1', 'a.img', Buffer.from('here at last'))
      expectImage(await cache.answer(stays), Buffer.from('here at last'), 'C4')
      await cache.stillServes('C4')
    },
  },
  {
    id: 'cache-one-name-in-two-snapshots',
    clauses: ['S1', 'S4'],
    role: 'cache',
    about:
      'The same names come under several ids, and some ids joined with their names are the same ' +
      'text. All images are served, those of earlier snapshots as well.',
    async run(cache) {
      const keys = [
        ...[
          ['1', 'a.img'] as const,
          ['2', 'a.img'] as const,
          ['12', 'x'] as const,
          ['1', '2x'] as const,
        ],
        ...[
          ['d/1', 'a'] as const,
          ['d', '1/a'] as const,
          ['d:1', 'a'] as const,
          ['d', ':1a'] as const,
          ['x\0y', 'z'] as const,
          ['x', 'y\0z'] as const,
        ],
      ]
      for (const [at, [id, name]] of keys.entries())
        await cache.forward(id, name, Buffer.from(`image ${at}`))
      for (const [at, [id, name]] of keys.entries())
        await cache.serves(id, name, Buffer.from(`image ${at}`), 'S1')
    },
  },
  {
    id: 'cache-waiter-of-another-snapshot',
    clauses: ['S1', 'S4', 'C2'],
    role: 'cache',
    about:
      'A client waits for an image of snapshot 2. The image of that name comes under snapshot 1 ' +
      'and is served there, but the client waits on for its own. The first image is still ' +
      'served.',
    async run(cache) {
      const waiter = await cache.openRead('2', 'a.img')
      await cache.forward('1', 'a.img', Buffer.from('of the parent'))
      await cache.serves('1', 'a.img', Buffer.from('of the parent'), 'S4')
      await cache.forward('2', 'a.img', Buffer.from('of the child'))
      expectImage(await cache.answer(waiter), Buffer.from('of the child'), 'S1')
      await cache.serves('1', 'a.img', Buffer.from('of the parent'), 'S4')
    },
  },
  {
    id: 'cache-image-replaced',
    clauses: ['L7', 'C1', 'W4', 'D2'],
    role: 'cache',
    about:
      'An image is written again with mode O_WRONLY: shorter, empty, and longer. After each new ' +
      'version has come, reads get it and no byte of the old one.',
    async run(cache) {
      for (const [at, size] of [5000, 100, 0, 200_000].entries()) {
        await cache.forward('1', 'a.img', someBytes(size, at + 1))
        await cache.drained()
        expectImage(await cache.read('1', 'a.img'), someBytes(size, at + 1), 'L7')
      }
    },
  },
  {
    id: 'cache-reader-keeps-its-version',
    clauses: ['L7', 'L9'],
    role: 'cache',
    about:
      'A client stops inside an image of 8 MiB while a new version comes and is served. It reads ' +
      'on and gets the old version, whole, or a reset.',
    async run(cache) {
      const [before, after] = [someBytes(8 * MEGABYTE, cache.seed), someBytes(MEGABYTE, 7)]
      await cache.forward('1', 'a.img', before)
      const begun = await cache.openRead('1', 'a.img')
      await cache.waitFor('the reply', { outcome: 'error 0', clause: 'L3' }, begun.reply())
      begun.socket.pause()
      await cache.forward('1', 'a.img', after)
      await cache.drained()
      expectImage(await cache.read('1', 'a.img'), after, 'L7')
      begun.socket.resume()
      expectVersion(
        await cache.answer(begun),
        before,
        'the answer to a read that had begun before the image was replaced',
      )
    },
  },
  {
    id: 'cache-list-of-snapshots',
    clauses: ['S2', 'S3', 'D2'],
    role: 'cache',
    about:
      'Three entries are appended to the list of snapshots, in the form of the dialect, with ' +
      'images between them. The list is read as three frames, in order.',
    async run(cache) {
      const ids = ['/images/1', '/images/2', 'relative/3']
      const { nullId } = cache.names
      let list = Buffer.alloc(0)
      for (const id of ids) {
        await forwardAppend(cache, nullId, LIST, list, snapshotEntry.encode(id))
        list = Buffer.concat([list, snapshotEntry.encode(id)])
        await cache.forward(id, 'a.img', Buffer.from(id))
        await cache.serves(id, 'a.img', Buffer.from(id), 'S4')
        expectImage(await cache.read(nullId, LIST), list, 'S3', 'the list of snapshots')
      }
    },
  },
  {
    id: 'cache-list-is-waited-for',
    clauses: ['S2', 'S3', 'C2'],
    role: 'cache',
    about:
      'A restore asks for the list before it exists, and for an image of that name under another ' +
      'id. It gets the first entry, and the other image.',
    async run(cache) {
      const entry = snapshotEntry.encode('1')
      const waiter = await cache.openRead(cache.names.nullId, LIST)
      const other = await cache.openRead('1', LIST)
      await forwardAppend(cache, cache.names.nullId, LIST, Buffer.alloc(0), entry)
      expectImage(await cache.answer(waiter), entry, 'S3', 'the list of snapshots')
      await cache.forward('1', LIST, Buffer.from('a link to the parent'))
      expectImage(await cache.answer(other), Buffer.from('a link to the parent'), 'S1')
    },
  },
  {
    id: 'cache-append-supersedes',
    clauses: ['D2', 'L6'],
    role: 'cache',
    dialects: appendsWhole,
    about:
      'An append is forwarded as the whole image with mode O_APPEND, to a held image and to a ' +
      'new one. Reads get the bytes of the last version, once.',
    async run(cache) {
      for (const [at, text] of ['one', 'one two', 'one two three'].entries()) {
        await cache.forward('1', 'a.img', Buffer.from(text), O_APPEND)
        if (at === 0) await cache.forward('1', 'b.img', Buffer.from(text), O_WRONLY)
        else await cache.forward('1', 'b.img', Buffer.from(text), O_APPEND)
        await cache.drained()
        for (const name of ['a.img', 'b.img'])
          expectImage(await cache.read('1', name), Buffer.from(text), 'D2')
      }
    },
  },
  {
    id: 'cache-append-adds',
    clauses: ['D2', 'L6'],
    role: 'cache',
    dialects: appendsNewBytes,
    about:
      'An append is forwarded as its new bytes under the size of the whole image, directly ' +
      'followed by the next header. The new bytes come after the held ones.',
    async run(cache) {
      let size = 0
      let stream = Buffer.alloc(0)
      for (const [at, text] of ['one', ' two', '', ' three'].entries()) {
        size += text.length
        const appended = Buffer.concat([
          header({ snapshotId: '1', name: 'a.img', openMode: O_APPEND, size }),
          Buffer.from(text),
        ])
        stream = Buffer.concat([
          stream,
          appended,
          imageOnLink('1', `${at}.img`, Buffer.from(text), O_APPEND),
        ])
      }
      await cache.link.send(stream)
      await cache.drained()
      expectImage(await cache.read('1', 'a.img'), Buffer.from('one two three'), 'D2')
      for (const [at, text] of ['one', ' two', '', ' three'].entries())
        await cache.serves('1', `${at}.img`, Buffer.from(text), 'D2')
    },
  },
  {
    id: 'cache-replies-in-one-piece',
    clauses: ['L11'],
    level: 'should',
    role: 'cache',
    about:
      'An image is read again and again, and after the end of the link a missing one as ' +
      'well. The length of each reply comes in one piece, and so does its body, as every CRIU expects.',
    async run(cache) {
      await cache.forward('1', 'a.img', someBytes(1000))
      await repliesUncut(cache, ['1', 'a.img'], { what: 'the reply to a read' })
      cache.closeLink()
      const read = { what: 'the reply to a read of a missing image' }
      await repliesUncut(cache, ['1', 'missing.img'], read)
    },
  },
  {
    id: 'cache-new-version-stays',
    clauses: ['C1', 'L5'],
    role: 'cache',
    about:
      'Two versions of an image come, and then another image, which is served. From then on each ' +
      'of a hundred reads in turn gets the second version.',
    async run(cache) {
      const [first, second] = [someBytes(1000, cache.seed), someBytes(2000, cache.seed)]
      await cache.forward('1', 'a.img', first)
      await cache.serves('1', 'a.img', first, 'C2')
      await cache.forward('1', 'a.img', second)
      await cache.drained()
      for (const at of times(100, (index) => index + 1))
        await cache.serves('1', 'a.img', second, 'C1', `read ${at} of 100 of the second version`)
    },
  },
  {
    id: 'cache-list-records-in-one-piece',
    clauses: ['L11', 'S3'],
    level: 'should',
    role: 'cache',
    about:
      'The list has twenty records of 100 to 2,000 bytes and is read again and again. The ' +
      'length of each record comes in one piece, and so does its body, as every CRIU expects.',
    async run(cache) {
      const { nullId } = cache.names
      const entries = times(20, (at) => snapshotEntry.encode(`${at}`.padEnd(100 * (at + 1), '/x')))
      let list = Buffer.alloc(0)
      for (const entry of entries) {
        await forwardAppend(cache, nullId, LIST, list, entry)
        list = Buffer.concat([list, entry])
      }
      await cache.drained()
      const read = { what: 'the list of snapshots', isList: true }
      expectImage(await repliesUncut(cache, [nullId, LIST], read), list, 'S3')
    },
  },
]
