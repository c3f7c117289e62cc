import fc from 'fast-check'
import t from 'tap'
import { type Peer, type Scope, turns } from '../harness/testing/peer.ts'
import { cacheAlone, onLink, read, reading } from '../harness/testing/reference.ts'
import { encodeFrame } from '../proto/frame.ts'
import { ENOENT, remoteImage } from '../proto/messages.ts'
import { finishRestore } from './client.ts'

/* The cache's end of the link (W): accepted images, and lost links. */

t.test('F2 W4: several headers and images may arrive in one segment', async (t) => {
  const { socket, linkUp } = await cacheAlone(t)
  const link = await linkUp()
  link.send(
    onLink({ name: 'a' }, 'one'),
    onLink({ name: 'b' }),
    onLink({ name: 'c' }, 'three'),
    onLink({ name: 'd' }, 'four').subarray(0, -2),
  )
  t.strictSame(
    [
      await read(t, socket, { name: 'a' }),
      await read(t, socket, { name: 'b' }),
      await read(t, socket, { name: 'c' }),
    ],
    ['one', '', 'three'],
  )
  link.send('ur')
  t.equal(await read(t, socket, { name: 'd' }), 'four')
})

t.test('F2 W4: images may arrive one byte at a time', async (t) => {
  const { socket, linkUp } = await cacheAlone(t)
  const link = await linkUp()
  link.socket.setNoDelay(true)
  await link.sendSlowly(Buffer.concat([onLink({}, 'one'), onLink({ name: 'b' }, 'two')]))
  t.strictSame([await read(t, socket, {}), await read(t, socket, { name: 'b' })], ['one', 'two'])
})

t.test('F2 W4: images are the same, whatever pieces they arrive in', async (t) => {
  const { socket, linkUp } = await cacheAlone(t)
  const link = await linkUp()
  link.socket.setNoDelay(true)
  const bodies = fc.array(fc.uint8Array({ maxLength: 40 }), { minLength: 1, maxLength: 4 })
  await fc.assert(
    fc.asyncProperty(
      bodies,
      fc.array(fc.nat({ max: 100 }), { maxLength: 4 }),
      async (images, cuts) => {
        const stream = Buffer.concat([
          ...images.map((image, index) => onLink({ name: `${index}` }, Buffer.from(image))),
          onLink({}, 'last'),
        ])
        const places = [0, ...cuts.sort((a, b) => a - b), stream.length]
        for (const [index, place] of places.entries()) {
          link.send(stream.subarray(place, places[index + 1] ?? stream.length))
          await turns()
        }
        await read(t, socket, { name: 'a' })
        const got = await Promise.all(
          images.map(async (_, index) => (await reading(t, socket, { name: `${index}` })).answer()),
        )
        return got.every(({ bytes }, index) => bytes.equals(images[index] as Uint8Array))
      },
    ),
    { numRuns: 50 },
  )
})

t.test('F3: a header without an open mode is a write', async (t) => {
  const { socket, linkUp } = await cacheAlone(t)
  const link = await linkUp()
  link.send(
    onLink({}, 'old'),
    encodeFrame(Buffer.from('0a01611201732003', 'hex')),
    'new',
    onLink({ name: 'b' }),
  )
  await read(t, socket, { name: 'b' })
  t.equal(await read(t, socket, {}), 'new')
})

t.test('W2: the cache never writes on the link', async (t) => {
  const { socket, linkUp, daemon } = await cacheAlone(t)
  const link = await linkUp()
  link.send(onLink({}, 'bytes'))
  await read(t, socket, {})
  link.end()
  t.equal((await link.rest()).length, 0)
  await finishRestore(socket)
  await daemon.finished
})

t.test('W1: a second connection is refused', async (t) => {
  const { socket, linkUp, logged } = await cacheAlone(t)
  const link = await linkUp()
  await logged(/the proxy is connected/)
  await t.rejects(linkUp(), { code: 'ECONNREFUSED' })
  link.send(onLink({}, 'bytes'))
  t.equal(await read(t, socket, {}), 'bytes')
})

t.test(
  'W1: of two connections at once, one becomes the link and the other is closed',
  async (t) => {
    const { socket, linkUp } = await cacheAlone(t)
    const attempts = await Promise.allSettled(Array.from({ length: 2 }, linkUp))
    const [link, ...others] = attempts
      .filter((attempt) => attempt.status === 'fulfilled')
      .map(({ value }) => value)
    for (const other of others) t.match(await other.ending(), /end|ECONNRESET/)
    link?.send(onLink({}, 'bytes'))
    t.equal(await read(t, socket, {}), 'bytes')
  },
)

t.test('F5: a large size alone reserves no memory', async (t) => {
  for (const size of [2 ** 32 + 1, Number.MAX_SAFE_INTEGER]) {
    const before = process.memoryUsage().arrayBuffers
    const reason = await failedLink(t, (link) => link.send(onLink({ size }, 'five!')).end())
    t.equal(
      reason,
      `receiving s:a: reading an image: the stream ended after 5/${size} bytes; the image is dropped after 5 bytes`,
    )
    t.ok(process.memoryUsage().arrayBuffers - before < 10_000_000)
  }
})

const partial = onLink({}, 'partial')
const losses: Record<string, [(link: Peer) => unknown, RegExp]> = {
  'an end inside the length of a header': [
    (link) => link.send(partial.subarray(0, 2)).end(),
    /the stream ended after 2\/4 bytes of the length$/,
  ],
  'an end inside a header': [
    (link) => link.send(partial.subarray(0, 9)).end(),
    /the stream ended after 5\/10 bytes of the message$/,
  ],
  'an end right after a header': [
    (link) => link.send(partial.subarray(0, -7)).end(),
    /^receiving s:a: .*after 0\/7 bytes/,
  ],
  'an end inside an image': [
    (link) => link.send(partial.subarray(0, -1)).end(),
    /^receiving s:a: .*after 6\/7 bytes; the image is dropped after 6 bytes$/,
  ],
  'a reset between two images': [(link) => link.socket.resetAndDestroy(), /ECONNRESET$/],
  'a reset inside an image': [
    resetInside,
    /^receiving s:a: .*ECONNRESET; the image is dropped after \d+ bytes$/,
  ],
  'a length over the limit': [
    (link) => link.send(Buffer.from('ffffffff', 'hex')),
    /length of 4294967295$/,
  ],
  'bytes that are no message': [
    (link) => link.send(encodeFrame(Buffer.from([0xff]))),
    /^decoding a remote_image_entry of 1 bytes: /,
  ],
  'a local header': [
    (link) => link.send(Buffer.from('080000000a01611201731801', 'hex')),
    /^decoding a remote_image_entry of 8 bytes: missing required 'size'$/,
  ],
  text: [
    (link) => link.send('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n'),
    /^reading a frame: expected at most/,
  ],
}

for (const [loss, [lose, reason]] of Object.entries(losses)) {
  t.test(`W6 W7 F6 C3: ${loss} fails the migration, and no partial image is served`, async (t) => {
    t.match(await failedLink(t, lose), reason)
  })
}

/**
 * Returns the error of a cache that lost its link. Checks that the cache serves complete images
 * only.
 */
async function failedLink(
  t: Scope & { equal(found: unknown, wanted: unknown): unknown },
  lose: (link: Peer) => unknown,
): Promise<string> {
  const { socket, linkUp, daemon } = await cacheAlone(t)
  const link = await linkUp()
  link.send(onLink({ name: 'whole' }, 'bytes'))
  t.equal(await read(t, socket, { name: 'whole' }), 'bytes')
  const waiting = read(t, socket, {})
  await lose(link)
  t.equal(await waiting, ENOENT)
  t.equal(await read(t, socket, {}), ENOENT)
  t.equal(await read(t, socket, { name: 'whole' }), 'bytes')
  await finishRestore(socket)
  return daemon.finished.then(
    () => 'a clean end',
    ({ message }: Error) => message,
  )
}

async function resetInside(link: Peer): Promise<void> {
  link.send(remoteImage.encode({ name: 'a', snapshotId: 's', openMode: 1, size: 7 }), 'par')
  await turns()
  link.socket.resetAndDestroy()
}
