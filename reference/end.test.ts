import { access } from 'node:fs/promises'
import t from 'tap'
import { turns } from '../harness/testing/peer.ts'
import {
  cacheAlone,
  client,
  header,
  onLink,
  pair,
  proxyAlone,
  read,
  reading,
  write,
  writing,
} from '../harness/testing/reference.ts'
import { ENOENT, O_APPEND, O_WRONLY } from '../proto/messages.ts'
import { finishDump, finishRestore, pullSnapshots, pushSnapshot } from './client.ts'

t.test('E1: the finish ends the link and the proxy, and removes the socket', async (t) => {
  const { socket, daemon, link } = await proxyAlone(t)
  await write(t, socket, {}, 'bytes')
  await finishDump(socket)
  await daemon.finished
  await link.forwarded()
  t.equal((await link.rest()).length, 0)
  await t.rejects(access(socket), { code: 'ENOENT' })
})

t.test('E1: queued images are forwarded before the end', async (t) => {
  const { socket, daemon, link } = await proxyAlone(t)
  link.socket.pause()
  const image = Buffer.alloc(3_000_000, 'bytes')
  for (let index = 0; index < 10; index++) await write(t, socket, { name: `${index}` }, image)
  await finishDump(socket)
  t.equal(await Promise.race([daemon.finished.then(() => 'ended'), turns()]), undefined)
  link.socket.resume()
  for (let index = 0; index < 10; index++) t.ok((await link.forwarded()).body.equals(image))
  t.equal((await link.rest()).length, 0)
  await daemon.finished
})

t.test(
  'E1 W5: a writer that began before the finish completes its image, which is forwarded',
  async (t) => {
    const { socket, daemon, link } = await proxyAlone(t)
    const writer = await writing(t, socket, {}, 'begun before')
    const appender = await writing(t, socket, { name: 'b', openMode: O_APPEND }, 'begun ')
    await finishDump(socket)
    await writer.send(', ended after').end().rest()
    t.equal(String((await link.forwarded()).body), 'begun before, ended after')
    t.equal(link.received, 0)
    t.equal(
      await Promise.race([link.ending(), turns()]),
      undefined,
      'the link is open for the other',
    )
    await appender.send('too').end().rest()
    t.equal(String((await link.forwarded()).body), 'begun too')
    t.equal((await link.rest()).length, 0)
    await daemon.finished
  },
)

t.test(
  'E1: a writer that falls silent after the finish fails the migration',
  { timeout: 20_000 },
  async (t) => {
    const { socket, daemon, link } = await proxyAlone(t)
    await writing(t, socket, { name: 'unfinished' }, 'half')
    await finishDump(socket)
    await t.rejects(daemon.finished, {
      code: 'connection-lost',
      message:
        /^receiving s:unfinished: [^\n]*silent for \d+ ms; the image is dropped after 4 bytes$/,
    })
    t.equal(await link.ending(), 'ECONNRESET')
  },
)

t.test('E1 L2: connections without a whole header do not delay the end', async (t) => {
  const { socket, daemon, link } = await proxyAlone(t)
  await client(t, socket)
  ;(await client(t, socket)).send(header({ openMode: O_WRONLY }).subarray(0, -1))
  await finishDump(socket)
  await daemon.finished
  t.equal((await link.rest()).length, 0)
})

t.test('E1: after the finish the proxy takes no new connection', async (t) => {
  const { socket, daemon, link, logged } = await proxyAlone(t)
  const writer = await writing(t, socket, {}, 'holds the end up')
  await turns()
  await finishDump(socket)
  await logged(/the dump is finished/)
  await turns()
  await t.rejects(client(t, socket))
  await writer.end().rest()
  await daemon.finished
  await link.forwarded()
})

t.test('E1: a read of the finish name, or a write under another id, is no finish', async (t) => {
  const { socket, daemon } = await proxyAlone(t)
  t.equal(await read(t, socket, { snapshotId: 'null', name: 'DUMP_FINISH' }), ENOENT)
  await write(t, socket, { snapshotId: '/d/1', name: 'DUMP_FINISH' }, 'an image')
  t.equal(await read(t, socket, { snapshotId: '/d/1', name: 'DUMP_FINISH' }), 'an image')
  t.equal(await Promise.race([daemon.finished, turns()]), undefined)
})

t.test('E3: one proxy runs from the first pre-dump to the dump', async (t) => {
  const { proxy, cache } = await pair(t)
  for (const snapshotId of ['/d/1', '/d/2', '/d/3']) {
    await pushSnapshot(proxy.socket, snapshotId)
    await write(t, proxy.socket, { snapshotId }, `image of ${snapshotId}`)
  }
  await finishDump(proxy.socket)
  await proxy.daemon.finished
  t.strictSame(await pullSnapshots(cache.socket), ['/d/1', '/d/2', '/d/3'])
  t.equal(await read(t, cache.socket, { snapshotId: '/d/1' }), 'image of /d/1')
  await finishRestore(cache.socket)
  await cache.daemon.finished
})

t.test(
  'E2: the cache ends when the restore is finished and the link is closed, in either order',
  async (t) => {
    const first = await cacheAlone(t)
    ;(await first.linkUp()).send(onLink({}, 'bytes')).end()
    t.equal(await read(t, first.socket, {}), 'bytes')
    await first.logged(/the proxy closed the connection/)
    await finishRestore(first.socket)
    await first.daemon.finished
    await t.rejects(access(first.socket), { code: 'ENOENT' })

    const last = await cacheAlone(t)
    const link = await last.linkUp()
    await finishRestore(last.socket)
    link.send(onLink({}, 'bytes'))
    t.equal(await read(t, last.socket, {}), 'bytes', 'it serves until then')
    link.end()
    await last.daemon.finished
  },
)

t.test('E2 L3: readers that have begun get the whole image', async (t) => {
  const { socket, linkUp, daemon } = await cacheAlone(t)
  const image = Buffer.alloc(8_000_000, 'bytes')
  ;(await linkUp()).send(onLink({}, image)).end()
  const reader = await reading(t, socket, {})
  await new Promise((resolve) => reader.socket.once('data', resolve))
  reader.socket.pause()
  await finishRestore(socket)
  t.equal(await Promise.race([daemon.finished.then(() => 'ended'), turns()]), undefined)
  reader.socket.resume()
  t.ok((await reader.answer()).bytes.equals(image))
  await daemon.finished
})

t.test('a stopped daemon rejects with `interrupted` and leaves no socket', async (t) => {
  const { proxy, cache } = await pair(t)
  const waiter = await reading(t, cache.socket, {})
  await turns()
  await proxy.daemon.stop('got SIGTERM')
  await t.rejects(proxy.daemon.finished, { code: 'interrupted', message: 'got SIGTERM' })
  t.equal((await waiter.answer()).error, ENOENT)
  await cache.daemon.stop('got SIGTERM')
  await t.rejects(cache.daemon.finished, { code: 'interrupted' })
  for (const { socket } of [proxy, cache]) await t.rejects(access(socket), { code: 'ENOENT' })
})
