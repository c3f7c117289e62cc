import t from 'tap'
import { turns } from '../harness/testing/peer.ts'
import { append, proxyAlone, read, write, writing } from '../harness/testing/reference.ts'
import { O_APPEND } from '../proto/messages.ts'
import { finishDump } from './client.ts'

/* The proxy's end of the link (W): forwarded images, and lost links. */

t.test('W4: after a header come exactly `size` bytes, then the next header', async (t) => {
  const { socket, link } = await proxyAlone(t)
  await write(t, socket, { name: 'a' }, 'xyz')
  await write(t, socket, { name: 'b' }, '')
  await write(t, socket, { name: 'c' }, 'z')
  const golden = [
    '0a0000000a0161120173180120037879',
    '7a',
    '0a0000000a016212017318012000',
    '0a0000000a016312017318012001',
    '7a',
  ].join('')
  t.equal((await link.take(golden.length / 2)).toString('hex'), golden)
})

t.test('W3 W5: images are forwarded when they complete, in that order', async (t) => {
  const { socket, link } = await proxyAlone(t)
  const late = await writing(t, socket, { name: 'late' }, 'begun ')
  await write(t, socket, { name: 'early' }, '1')
  t.match(await link.forwarded(), { header: { name: 'early' } })
  await write(t, socket, { name: 'next' }, '2')
  t.match(await link.forwarded(), { header: { name: 'next' } })
  t.equal(link.received, 0)
  await late.send('first').end().rest()
  t.match(await link.forwarded(), { header: { name: 'late' }, body: Buffer.from('begun first') })
})

t.test('W5: every version of an image is forwarded', async (t) => {
  const { socket, link } = await proxyAlone(t)
  for (const version of ['one', 'two', 'three']) await write(t, socket, {}, version)
  for (const version of ['one', 'two', 'three'])
    t.equal(String((await link.forwarded()).body), version)
})

t.test('W4 W5: an append is forwarded as the whole image of that moment', async (t) => {
  const { socket, link } = await proxyAlone(t)
  for (const more of ['one ', 'two ', 'three']) await append(t, socket, {}, more)
  for (const whole of ['one ', 'one two ', 'one two three']) {
    t.strictSame(await link.forwarded(), {
      header: { name: 'a', snapshotId: 's', openMode: O_APPEND, size: whole.length },
      body: Buffer.from(whole),
    })
  }
})

t.test('W4: images that complete together do not interleave', async (t) => {
  const { socket, link } = await proxyAlone(t)
  const images = Array.from({ length: 40 }, (_, index) => ({
    name: `image ${index}`,
    bytes: Buffer.alloc(100_000 + index, `${index};`),
  }))
  const writers = await Promise.all(
    images.map(({ name, bytes }) => writing(t, socket, { name }, bytes)),
  )
  for (const writer of writers) writer.end()
  const left = new Map(images.map(({ name, bytes }) => [name, bytes]))
  while (left.size > 0) {
    const { header, body } = await link.forwarded()
    if (!left.get(header.name)?.equals(body)) {
      t.fail(`${header.name} has other bytes than were written`)
      return
    }
    left.delete(header.name)
  }
  t.pass('all came whole')
})

t.test('W3 L7: a client that disconnects inside its header makes no image', async (t) => {
  const { socket, link, logged } = await proxyAlone(t)
  const half = await writing(t, socket, {})
  half.socket.destroy()
  const inside = await writing(t, socket, { name: 'b' })
  inside.end()
  await inside.rest()
  await logged(/write s:b/)
  t.match(await link.forwarded(), { header: { name: 'a', size: 0 } })
})

t.test(
  'P1 W5: a cache that does not read delays no client and gets every image in the end',
  async (t) => {
    const { socket, link, daemon } = await proxyAlone(t)
    link.socket.pause()
    const image = Buffer.alloc(1_000_000, 'bytes')
    for (let index = 0; index < 20; index++) await write(t, socket, { name: `${index}` }, image)
    t.equal((await read(t, socket, { name: '19' })).toString().length, image.length)
    await finishDump(socket)
    link.socket.resume()
    for (let index = 0; index < 20; index++)
      t.equal((await link.forwarded()).header.name, `${index}`)
    t.equal(await link.ending(), 'end')
    await daemon.finished
  },
)

t.test('W6: the link stays open until the dump is finished', async (t) => {
  const { socket, link, daemon } = await proxyAlone(t)
  await write(t, socket, {}, 'bytes')
  await link.forwarded()
  t.equal(await Promise.race([link.ending(), turns()]), undefined)
  await finishDump(socket)
  t.strictSame(await link.rest(), Buffer.alloc(0))
  await daemon.finished
})

t.test('W2: a cache that writes on the link ends the migration', async (t) => {
  const { daemon, link } = await proxyAlone(t)
  link.send('x')
  await t.rejects(daemon.finished, {
    code: 'connection-lost',
    message: 'forwarding images to the cache: the cache wrote on the one-way connection',
  })
})

t.test('W6 W7: a link that the cache ends or resets fails the migration', async (t) => {
  const ended = await proxyAlone(t)
  ended.link.end()
  await t.rejects(ended.daemon.finished, {
    code: 'connection-lost',
    message: /the cache closed the connection$/,
  })
  t.equal(
    await ended.link.ending(),
    'ECONNRESET',
    'reset, so that the cache does not take it for the end',
  )
  const reset = await proxyAlone(t)
  reset.link.socket.resetAndDestroy()
  await t.rejects(reset.daemon.finished, {
    code: 'connection-lost',
    message: /^forwarding images to the cache: .*ECONNRESET$/,
  })
})

t.test('W7: a link that is lost inside an image fails the migration', async (t) => {
  const { socket, link, daemon } = await proxyAlone(t)
  await write(t, socket, {}, Buffer.alloc(20_000_000))
  await link.take(1000)
  link.socket.resetAndDestroy()
  await t.rejects(daemon.finished, {
    code: 'connection-lost',
    message: /^forwarding images to the cache: [^\n]*$/,
  })
  await t.rejects(read(t, socket, {}), 'it serves no more')
})
