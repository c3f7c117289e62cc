import { randomBytes } from 'node:crypto'
import { connect } from 'node:net'
import t from 'tap'
import { turns } from '../harness/testing/peer.ts'
import { cacheAlone, onLink, pair, read, reading, write } from '../harness/testing/reference.ts'
import { ENOENT } from '../proto/messages.ts'
import { finishDump, finishRestore } from './client.ts'

t.test('C1: a read of an image is answered while the link is open and after', async (t) => {
  const { socket, linkUp, logged } = await cacheAlone(t)
  const link = await linkUp()
  link.send(onLink({}, 'bytes'))
  t.equal(await read(t, socket, {}), 'bytes')
  t.equal(await read(t, socket, {}), 'bytes')
  link.end()
  await logged(/the proxy closed the connection/)
  t.equal(await read(t, socket, {}), 'bytes')
})

t.test('C2 L2: a read of a missing image waits, without delaying others', async (t) => {
  const { socket, linkUp } = await cacheAlone(t)
  const link = await linkUp()
  const waiter = await reading(t, socket, { name: 'missing' })
  link.send(onLink({}, 'bytes'), onLink({ name: 'missing' }, 'found').subarray(0, -1))
  for (let time = 0; time < 10; time++) t.equal(await read(t, socket, {}), 'bytes')
  t.equal(waiter.received, 0, 'later reads were answered, this one was not')
  link.send('d')
  t.strictSame(await waiter.answer(), { error: 0, bytes: Buffer.from('found') })
})

t.test('C2: a waiting read is answered while the next image is still arriving', async (t) => {
  const { socket, linkUp } = await cacheAlone(t)
  const link = await linkUp()
  const waiters = await Promise.all(['a', 'b'].map((name) => reading(t, socket, { name })))
  link.send(onLink({ name: 'a' }, 'first'), onLink({ name: 'b' }, 'second').subarray(0, -1))
  t.equal(String((await waiters[0]?.answer())?.bytes), 'first')
  t.equal(waiters[1]?.received, 0)
  link.send('d')
  t.equal(String((await waiters[1]?.answer())?.bytes), 'second')
})

t.test('C2 L9: all reads that wait for an image are answered', async (t) => {
  const { socket, linkUp } = await cacheAlone(t)
  const link = await linkUp()
  const image = Buffer.alloc(500_000, 'bytes')
  const waiters = await Promise.all(Array.from({ length: 100 }, () => reading(t, socket, {})))
  link.send(onLink({}, image))
  const answers = await Promise.all(waiters.map((waiter) => waiter.answer()))
  t.ok(answers.every(({ error, bytes }) => error === 0 && bytes.equals(image)))
})

t.test('C2 L2: 1,000 reads wait at once, each for its own image', async (t) => {
  const { socket, linkUp } = await cacheAlone(t)
  const link = await linkUp()
  const names = Array.from({ length: 1000 }, (_, index) => `image ${index}`)
  const waiters = await Promise.all(names.map((name) => reading(t, socket, { name })))
  for (const name of names.toReversed()) link.send(onLink({ name }, name))
  const answers = await Promise.all(waiters.map((waiter) => waiter.answer()))
  t.strictSame(
    answers.map(({ bytes }) => String(bytes)),
    names,
  )
})

t.test('C2: a waiting read is not answered by the same name of another snapshot', async (t) => {
  const { socket, linkUp } = await cacheAlone(t)
  const link = await linkUp()
  const waiter = await reading(t, socket, { snapshotId: 's2' })
  link.send(onLink({ snapshotId: 's1' }, 'other'))
  t.equal(await read(t, socket, { snapshotId: 's1' }), 'other')
  t.equal(waiter.received, 0)
  link.send(onLink({ snapshotId: 's2' }, 'own'))
  t.equal(String((await waiter.answer()).bytes), 'own')
})

t.test('C2 L8: a waiting client that disconnects does not disturb others', async (t) => {
  const { socket, linkUp, daemon } = await cacheAlone(t)
  const link = await linkUp()
  const leaves = await reading(t, socket, {})
  const stays = await reading(t, socket, {})
  await turns()
  leaves.socket.destroy()
  await turns()
  link.send(onLink({}, Buffer.alloc(1_000_000)))
  t.equal((await stays.answer()).bytes.length, 1_000_000)
  link.end()
  await finishRestore(socket)
  await daemon.finished
})

t.test('C3: at the end of the link waiting reads get ENOENT, and so do later ones', async (t) => {
  const { socket, linkUp } = await cacheAlone(t)
  const link = await linkUp()
  const waiters = await Promise.all(['a', 'b', 'b', ''].map((name) => reading(t, socket, { name })))
  await turns()
  link.send(onLink({ name: 'c' })).end()
  for (const waiter of waiters)
    t.strictSame(await waiter.answer(), { error: ENOENT, bytes: Buffer.alloc(0) })
  t.equal(await read(t, socket, { name: 'd' }), ENOENT)
  t.equal(await read(t, socket, { name: 'c' }), '')
})

t.test('C4: a read waits at a cache that has no link yet', async (t) => {
  const { socket, linkUp, logged } = await cacheAlone(t)
  const waiters = await Promise.all(
    ['there', 'not there'].map((name) => reading(t, socket, { name })),
  )
  await turns()
  const link = await linkUp()
  await logged(/the proxy is connected/)
  t.strictSame(
    waiters.map((waiter) => waiter.received),
    [0, 0],
  )
  link.send(onLink({ name: 'there' }, 'bytes')).end()
  t.strictSame(await Promise.all(waiters.map(async (waiter) => (await waiter.answer()).error)), [
    0,
    ENOENT,
  ])
})

t.test(
  'C1 C2 W5: an image written to the proxy is read from the cache, even if the read comes first',
  async (t) => {
    const { proxy, cache } = await pair(t)
    const images = Array.from({ length: 60 }, (_, index) => ({
      name: `${index}`,
      bytes: randomBytes(index * 997),
    }))
    const early = images
      .slice(0, 30)
      .map(async ({ name }) => (await reading(t, cache.socket, { name })).answer())
    await Promise.all(images.map(({ name, bytes }) => write(t, proxy.socket, { name }, bytes)))
    await finishDump(proxy.socket)
    await proxy.daemon.finished
    const late = images
      .slice(30)
      .map(async ({ name }) => (await reading(t, cache.socket, { name })).answer())
    const answers = await Promise.all([...early, ...late])
    t.ok(images.every(({ bytes }, index) => answers[index]?.bytes.equals(bytes)))
  },
)

t.test(
  'max-memory: an image over the limit fails the migration; earlier images are served',
  async (t) => {
    const { socket, linkUp, daemon } = await cacheAlone(t, { maxMemory: 1000 })
    const link = await linkUp()
    link.send(onLink({ name: 'a' }, Buffer.alloc(600)), onLink({ name: 'b' }, Buffer.alloc(401)))
    t.equal(await read(t, socket, { name: 'b' }), ENOENT)
    t.equal((await read(t, socket, { name: 'a' })).toString().length, 600)
    await finishRestore(socket)
    await t.rejects(daemon.finished, {
      code: 'memory-exhausted',
      message:
        /^receiving s:b: .*at most 1000 bytes, got 1001; the image is dropped after \d+ bytes$/,
    })
  },
)

t.test('the cache listens on the given TCP address and no other', async (t) => {
  const { address } = await cacheAlone(t)
  t.equal(address.host, '127.0.0.1')
  const other = connect({ host: '127.0.0.2', port: address.port })
  await t.rejects(
    new Promise((resolve, reject) => other.once('connect', resolve).once('error', reject)),
    { code: 'ECONNREFUSED' },
  )
})
