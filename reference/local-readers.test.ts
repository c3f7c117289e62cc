import t from 'tap'
import { type Scope, turns } from '../harness/testing/peer.ts'
import {
  append,
  cacheAlone,
  onLink,
  proxyAlone,
  read,
  reading,
  write,
  writing,
} from '../harness/testing/reference.ts'
import { ENOENT, O_APPEND } from '../proto/messages.ts'

/**
 * Size in bytes of an image that the socket buffers between a daemon and a paused reader cannot
 * hold.
 */
const LARGE = 8_000_000

t.test('L7: an image is readable when it is complete and not before', async (t) => {
  const { socket } = await proxyAlone(t)
  const writer = await writing(t, socket, {}, 'half ')
  await turns()
  t.equal(await read(t, socket, {}), ENOENT)
  await writer.send('half').end().rest()
  t.equal(await read(t, socket, {}), 'half half')
})

t.test('L7 L5: a read gets the old version while the new one arrives', async (t) => {
  const { socket } = await proxyAlone(t)
  await write(t, socket, {}, 'old')
  const writer = await writing(t, socket, {}, 'ne')
  const appender = await writing(t, socket, { openMode: O_APPEND }, 'er')
  await turns()
  t.equal(await read(t, socket, {}), 'old')
  await writer.send('w').end().rest()
  t.equal(await read(t, socket, {}), 'new')
  await appender.end().rest()
  t.equal(await read(t, socket, {}), 'newer')
})

t.test('L7: a read during a write of 1,000 pieces gets the whole image or none', async (t) => {
  const { socket } = await proxyAlone(t)
  const writer = await writing(t, socket, {})
  const seen = new Set<string | number>()
  for (let piece = 0; piece < 1000; piece++) {
    writer.send('0123456789')
    if (piece % 100 === 0) seen.add(await read(t, socket, {}))
  }
  await writer.end().rest()
  t.strictSame([...seen], [ENOENT])
  t.equal(await read(t, socket, {}), '0123456789'.repeat(1000))
})

for (const [version, change] of Object.entries({
  'a rewrite': write,
  'an append': append,
  'several appends': appendThrice,
})) {
  t.test(
    `L7: proxy: a reader that has begun gets its version whole in spite of ${version}`,
    async (t) => {
      const { socket } = await proxyAlone(t)
      const old = Buffer.alloc(LARGE, 'old version ')
      await write(t, socket, {}, old)
      const reader = await slowReader(t, socket)
      await change(t, socket, {}, Buffer.alloc(3_000_000, 'NEW'))
      reader.socket.resume()
      const { error, bytes } = await reader.answer()
      t.ok(error === 0 && bytes.equals(old))
      t.ok((await read(t, socket, {})).toString().endsWith('NEW'))
    },
  )
}

for (const openMode of [1, O_APPEND]) {
  t.test(
    `L7: cache: a reader that has begun gets its version whole, whatever comes with mode ${openMode}`,
    async (t) => {
      const { socket, linkUp } = await cacheAlone(t)
      const link = await linkUp()
      const old = Buffer.alloc(LARGE, 'old version ')
      link.send(onLink({}, old))
      const reader = await slowReader(t, socket)
      link.send(onLink({ openMode }, 'new'), onLink({ name: 'after it' }, ''))
      t.equal(await read(t, socket, { name: 'after it' }), '')
      t.equal(await read(t, socket, {}), 'new')
      reader.socket.resume()
      t.ok((await reader.answer()).bytes.equals(old))
    },
  )
}

t.test('L7: an empty image exists', async (t) => {
  const { socket } = await proxyAlone(t)
  await write(t, socket, {}, '')
  t.strictSame(await (await reading(t, socket, {})).rest(), Buffer.from('020000000800', 'hex'))
  await append(t, socket, { name: 'appended' }, '')
  t.equal(await read(t, socket, { name: 'appended' }), '')
})

t.test('L8: a reader that leaves half way does not disturb other readers', async (t) => {
  const { socket, daemon } = await proxyAlone(t)
  const image = Buffer.alloc(LARGE, 'bytes')
  await write(t, socket, {}, image)
  const stays = await slowReader(t, socket)
  const leaving = await Promise.all(Array.from({ length: 20 }, () => slowReader(t, socket)))
  for (const reader of leaving) reader.socket.destroy()
  stays.socket.resume()
  t.ok((await stays.answer()).bytes.equals(image))
  t.equal(await Promise.race([daemon.finished, turns()]), undefined)
})

t.test('L9: an image can be read any number of times, also at once', async (t) => {
  const { socket } = await proxyAlone(t)
  const image = Buffer.alloc(300_000, 'bytes')
  await write(t, socket, {}, image)
  const readers = await Promise.all(Array.from({ length: 50 }, () => reading(t, socket, {})))
  const answers = await Promise.all(readers.map((reader) => reader.answer()))
  t.ok(answers.every(({ bytes }) => bytes.equals(image)))
  t.equal(await read(t, socket, {}), image.toString())
})

async function appendThrice(
  ...[t, socket, image, bytes]: Parameters<typeof append>
): Promise<void> {
  for (let time = 0; time < 3; time++) await append(t, socket, image, bytes)
}

/** Returns a reader that has the beginning of an image and has paused. */
async function slowReader(t: Scope, socket: string) {
  const reader = await reading(t, socket, {})
  await new Promise((resolve) => reader.socket.once('data', resolve))
  reader.socket.pause()
  return reader
}
