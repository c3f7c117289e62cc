import {
  type Case,
  demand,
  expectImage,
  expectMissing,
  header,
  O_WRONLY,
  someBytes,
} from '../../harness/conformance/index.ts'
import { imageOnLink, letItSee, linkIsLost, PARTIAL } from '../model/cache.ts'
import {
  frameOf,
  malformed,
  NAME,
  numberField,
  OPEN_MODE,
  oversized,
  SIZE,
  SNAPSHOT_ID,
  textField,
} from '../model/message.ts'
import { servesAll } from '../model/pair.ts'

/* Cases for the cache: the order and silence of the link, and each way to lose the link (W). */

const partial = imageOnLink('1', PARTIAL, someBytes(100_000))
const partialHeader = header({ snapshotId: '1', name: PARTIAL, openMode: O_WRONLY, size: 100_000 })
const good = {
  name: textField(NAME, PARTIAL),
  'snapshot id': textField(SNAPSHOT_ID, '1'),
  'open mode': numberField(OPEN_MODE, O_WRONLY),
  size: numberField(SIZE, 0),
}
const AFTER_A_STRANGER = 'the answer to a client that waits while peers close without a whole frame'
const waitsOrEnds = { outcome: 'ENOENT, or the image of the proxy that comes later', clause: 'C3' }
const silence = { outcome: 'no byte from the cache', clause: 'W2' }

/**
 * Returns a case in which the link is lost in one way at one point. All of them demand the same.
 */
function lost(
  id: string,
  clauses: readonly string[],
  how: 'end' | 'reset' | 'stay',
  bytes: Buffer,
  about: string,
): Case {
  const clause = clauses[0] as string
  return {
    id,
    clauses: [...new Set([...clauses, 'C3', 'E4'])],
    role: 'cache',
    about:
      `${about} Waiting clients get ENOENT, and complete images are served and no other ones. The ` +
      'cache should exit as failed.',
    run: (cache) => linkIsLost(cache, { bytes, how, clause }),
  }
}

export const cases: readonly Case[] = [
  {
    id: 'cache-images-in-turn',
    clauses: ['W1', 'W4'],
    role: 'cache',
    about:
      'Two hundred images of several snapshots and of very different sizes come on the link, in ' +
      'segments that end anywhere. Each is served with its own bytes.',
    async run(cache) {
      const images = Array.from({ length: 200 }, (_, at) => ({
        snapshotId: `${at % 3}`,
        name: `${at}.img`,
        bytes: someBytes((at * at * 7) % 9001, at + 1),
      }))
      const stream = Buffer.concat(
        images.map(({ snapshotId, name, bytes }) => imageOnLink(snapshotId, name, bytes)),
      )
      const cut = someBytes(1000, cache.seed)
      for (let at = 0, piece = 0; at < stream.length; piece++) {
        const length = 1 + (cut.readUInt16LE(piece % 999) % 9000)
        await cache.link.sendPieces([stream.subarray(at, at + length)])
        at += length
      }
      await servesAll(cache, images, 'W4')
    },
  },
  {
    id: 'cache-second-connection-is-not-mixed-in',
    clauses: ['W9', 'W4'],
    role: 'cache',
    about:
      'While the proxy is inside an image, another peer connects to the port and sends an image ' +
      'and half of another. Neither is ever served, and the link works as before.',
    async run(cache) {
      const waiter = await cache.openRead('1', 'other.img')
      await cache.link.send(partial.subarray(0, -10))
      const other = await cache.connectAnother()
      await other?.send(
        Buffer.concat([
          imageOnLink('1', 'other.img', Buffer.from('not from the proxy')),
          partial.subarray(0, 50),
        ]),
      )
      await cache.link.send(partial.subarray(-10))
      expectImage(await cache.read('1', PARTIAL), someBytes(100_000), 'W9')
      const what = 'a read of an image of the link, beside which a second connection sends bytes'
      for (let probe = 0; probe < 20; probe++) await cache.stillServes('W9', what)
      other?.reset()
      await cache.stillServes('W9', what)
      cache.closeLink()
      expectMissing(
        await cache.answer(
          waiter,
          'the answer to a read of an image that came on the second connection only',
        ),
        'W9',
        'the answer to a read of an image that came on the second connection only',
      )
    },
  },
  {
    id: 'cache-silent-on-the-link',
    clauses: ['W2'],
    role: 'cache',
    about:
      'Images, reads, waiting clients, an append, a clean end and the end of the restore: until ' +
      'its exit the cache has written no byte on the link.',
    async run(cache) {
      const waiters = [await cache.openRead('1', 'a.img'), await cache.openRead('1', 'missing.img')]
      await cache.forward('1', 'a.img', someBytes(100_000))
      await cache.forward(cache.names.nullId, 'parent', Buffer.from('an entry'), 1024)
      for (let probe = 0; probe < 10; probe++) await cache.stillServes('C2')
      cache.closeLink()
      for (const waiter of waiters) await cache.answer(waiter)
      await cache.finishRestore()
      await cache.cleanExit()
      await cache.waitFor(
        'the end of the link',
        { outcome: 'its end, because the process has ended', clause: 'W2' },
        cache.link.untilEnd(),
      )
      demand(
        cache.link.received.length === 0,
        'the link',
        silence,
        `${cache.link.received.length} bytes`,
      )
    },
  },
  {
    id: 'cache-silent-on-the-link-about-bad-clients',
    clauses: ['W2', 'F6'],
    role: 'cache',
    about:
      'Clients send nonsense, leave while they wait, and ask for images that never come. The ' +
      'cache writes no byte about them on the link.',
    async run(cache) {
      for (const bytes of [
        frameOf(),
        oversized(0xffffffff),
        Buffer.from('nonsense, of some length'),
      ]) {
        const client = await cache.connect()
        await client.send(bytes)
        const leaves = await cache.openRead('1', 'never.img')
        await cache.stillServes('F6')
        client.reset()
        leaves.reset()
      }
      for (let probe = 0; probe < 10; probe++) await cache.stillServes('F6')
      demand(
        cache.link.received.length === 0,
        'the link',
        silence,
        `${cache.link.received.length} bytes`,
      )
      demand(
        cache.link.ended === undefined,
        'the link',
        { outcome: 'open, since bad clients end their own connections only', clause: 'F6' },
        `its ${cache.link.ended}`,
      )
    },
  },
  {
    id: 'cache-clean-end',
    clauses: ['W6', 'C2', 'E2'],
    role: 'cache',
    about:
      'The proxy closes the link directly after the last byte of an image that a client waits ' +
      'for. The client gets the image, and the cache exits with 0.',
    async run(cache) {
      const bytes = someBytes(500_000, cache.seed)
      const waiter = await cache.openRead('1', 'last.img')
      // Not awaited, so that the close comes directly after the last byte. It never rejects.
      void cache.forward('1', 'last.img', bytes)
      cache.closeLink()
      expectImage(await cache.answer(waiter), bytes, 'C2')
      await cache.finishRestore()
      await cache.cleanExit()
    },
  },
  {
    id: 'cache-link-without-images',
    clauses: ['W9', 'C3', 'E2'],
    role: 'cache',
    about:
      'A peer connects and closes without a byte, and then a proxy connects. The cache has waited ' +
      'for that proxy, or it has taken the close as the end of the link: a waiting client gets ' +
      'its image or ENOENT. After the restore the cache exits with 0.',
    async run(cache) {
      const waiter = await cache.openRead('1', 'a.img')
      await letItSee(cache)
      cache.closeLink()
      const proxy = await cache.connectAnother()
      await proxy?.send(imageOnLink('1', 'a.img', Buffer.from('of the proxy')))
      const answer = await cache.answer(waiter, AFTER_A_STRANGER, waitsOrEnds)
      if (answer.error === 0) expectImage(answer, Buffer.from('of the proxy'), 'W9')
      else {
        expectMissing(answer, 'C3', AFTER_A_STRANGER)
        expectMissing(await cache.read('1', 'b.img'), 'C3')
      }
      await proxy?.end()
      await cache.finishRestore()
      await cache.cleanExit()
    },
  },
  {
    id: 'cache-waits-on-after-a-stranger',
    clauses: ['W9', 'C4'],
    level: 'should',
    role: 'cache',
    about:
      'Strangers connect to the port before the proxy: one closes without a byte, one after half ' +
      'a frame. The cache takes the close of a stranger as the end of the link, or it waits on ' +
      'and takes the images of the proxy. No byte of a stranger becomes an image.',
    async run(cache) {
      const waiter = await cache.openRead('1', 'a.img')
      await letItSee(cache)
      await cache.link.send(partialHeader.subarray(0, 9))
      cache.closeLink()
      const second = await cache.connectAnother()
      await second?.end()
      const proxy = await cache.connectAnother()
      await proxy?.send(imageOnLink('1', 'a.img', Buffer.from('of the proxy')))
      const answer = await cache.answer(waiter, AFTER_A_STRANGER, waitsOrEnds)
      if (answer.error === 0) expectImage(answer, Buffer.from('of the proxy'), 'W9')
      else expectMissing(answer, 'C3', AFTER_A_STRANGER)
      proxy?.reset()
      expectMissing(await cache.read('1', PARTIAL), 'W9')
    },
  },
  {
    id: 'cache-connection-after-the-link',
    clauses: ['W9', 'C3'],
    role: 'cache',
    about:
      'The proxy has closed the link after an image. Another peer connects to the port and sends ' +
      'images under a new name and under that of the first. No read ever gets one of them.',
    async run(cache) {
      await cache.stillServes('C2')
      await cache.forward('1', 'a.img', Buffer.from('of the proxy'))
      const waiter = await cache.openRead('1', 'missing.img')
      cache.closeLink()
      expectMissing(await cache.answer(waiter), 'C3')
      const other = await cache.connectAnother()
      for (const name of ['late.img', 'a.img'])
        await other?.send(imageOnLink('1', name, Buffer.from('of a stranger')))
      for (let round = 0; round < 20; round++) {
        expectMissing(
          await cache.read('1', 'late.img'),
          'W9',
          'a read of an image that came on a connection after the link',
        )
        expectImage(await cache.read('1', 'a.img'), Buffer.from('of the proxy'), 'W9')
      }
      other?.reset()
      await cache.finishRestore()
      await cache.cleanExit()
    },
  },
  {
    id: 'cache-lost-image-keeps-the-version-before',
    clauses: ['W7', 'L7', 'E4'],
    role: 'cache',
    about:
      'The link is lost inside the second version of an image. The cache serves the first ' +
      'version, whole.',
    async run(cache) {
      await cache.forward('1', 'a.img', Buffer.from('the first version'))
      await cache.drained()
      await cache.link.send(imageOnLink('1', 'a.img', someBytes(70_000)).subarray(0, -1))
      const waiter = await cache.openRead('1', 'missing.img')
      cache.closeLink()
      expectMissing(await cache.answer(waiter), 'C3')
      expectImage(await cache.read('1', 'a.img'), Buffer.from('the first version'), 'L7')
      await cache.finishRestore()
      await cache.failedExit()
    },
  },
  lost(
    'cache-link-ends-inside-a-length',
    ['W7'],
    'end',
    partial.subarray(0, 2),
    'The link ends after two bytes of a length.',
  ),
  lost(
    'cache-link-ends-behind-a-length',
    ['W7'],
    'end',
    partial.subarray(0, 4),
    'The link ends between a length and its message.',
  ),
  lost(
    'cache-link-ends-inside-a-header',
    ['W7'],
    'end',
    partialHeader.subarray(0, -1),
    'The link ends one byte before the end of a header.',
  ),
  lost(
    'cache-link-ends-behind-a-header',
    ['W7'],
    'end',
    partialHeader,
    'The link ends between a header and the first byte of its image.',
  ),
  lost(
    'cache-link-ends-inside-an-image',
    ['W7'],
    'end',
    partial.subarray(0, -1),
    'The link ends one byte before the end of an image.',
  ),
  lost(
    'cache-link-reset-inside-a-header',
    ['W7'],
    'reset',
    partialHeader.subarray(0, 9),
    'The link is reset inside a header.',
  ),
  lost(
    'cache-link-reset-inside-an-image',
    ['W7'],
    'reset',
    partial.subarray(0, -1),
    'The link is reset one byte before the end of an image.',
  ),
  lost(
    'cache-link-reset-between-images',
    ['C3', 'W6'],
    'reset',
    Buffer.alloc(0),
    'The link is reset between two images, which is no clean end.',
  ),
  lost(
    'cache-link-zero-length',
    ['F6', 'W7'],
    'stay',
    frameOf(),
    'The proxy sends an empty message as a header.',
  ),
  lost(
    'cache-link-oversized-length',
    ['F6', 'W7'],
    'stay',
    oversized(0xffffffff),
    'The proxy announces a header of 4 GiB less one byte.',
  ),
  ...Object.keys(good).flatMap((lacks) => {
    if (lacks === 'open mode') return []
    const rest = Object.entries(good).filter(([field]) => field !== lacks)
    const bytes = frameOf(...rest.map(([, field]) => field))
    const id = `cache-link-header-without-${lacks.replace(' ', '-')}`
    return [
      lost(
        id,
        ['F6', 'F3', 'W7'],
        'stay',
        bytes,
        `The proxy sends a header without the required ${lacks}.`,
      ),
    ]
  }),
  lost(
    'cache-link-invalid-utf-8',
    ['F6', 'W7'],
    'stay',
    frameOf(
      textField(NAME, Buffer.from('61ff', 'hex')),
      good['snapshot id'],
      good['open mode'],
      good.size,
    ),
    'The proxy sends a name that is not UTF-8.',
  ),
  ...Object.entries(malformed)
    .slice(0, 2)
    .map(([what, bytes], at) =>
      lost(
        `cache-link-malformed-message-${at + 1}`,
        ['F6', 'F1', 'W7'],
        'stay',
        frameOf(...Object.values(good), bytes),
        `The proxy sends a header that is no protobuf message: ${what}.`,
      ),
    ),
]
