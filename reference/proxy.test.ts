import { access } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { listenOnce, turns } from '../harness/testing/peer.ts'
import {
  append,
  directory,
  proxyAlone,
  read,
  reading,
  write,
  writing,
} from '../harness/testing/reference.ts'
import { ENOENT } from '../proto/messages.ts'
import { finishDump } from './client.ts'
import { startProxy } from './proxy.ts'

t.test('P1: a read of an image that the proxy does not hold gets ENOENT at once', async (t) => {
  const { socket, link } = await proxyAlone(t)
  t.equal(await read(t, socket, {}), ENOENT, 'before anything was written')
  await write(t, socket, { snapshotId: '/d/1' }, 'parent')
  t.equal(
    await read(t, socket, { snapshotId: '/d/2' }),
    ENOENT,
    'in a snapshot that has no such image',
  )
  await link.forwarded()
  t.equal(link.received, 0, 'a read is not forwarded')
})

t.test('P1 L7: a read of an image that is being written gets ENOENT at once', async (t) => {
  const { socket } = await proxyAlone(t)
  const writer = await writing(t, socket, {}, 'half')
  await turns()
  const { error } = await (await reading(t, socket, {})).answer()
  t.equal(error, ENOENT)
  await writer.end().rest()
  t.equal(await read(t, socket, {}), 'half')
})

t.test('P1 W3: a read does not wait for a stuck link', async (t) => {
  const { socket, link } = await proxyAlone(t)
  link.socket.pause()
  await write(t, socket, { name: 'stuck' }, Buffer.alloc(20_000_000))
  t.equal(await read(t, socket, {}), ENOENT)
  await write(t, socket, {}, 'queued')
  t.equal(await read(t, socket, {}), 'queued')
})

t.test(
  'max-memory: an image over the limit is dropped, and the dump does not end cleanly',
  async (t) => {
    const { socket, daemon, link, logged } = await proxyAlone(t, { maxMemory: 1000 })
    await write(t, socket, { name: 'a' }, Buffer.alloc(600))
    await (await writing(t, socket, { name: 'b' }, Buffer.alloc(401))).end().ending()
    await logged(
      /^warn receiving s:b: storing images: expected at most 1000 bytes, got 1001; the image is dropped after 0 bytes$/,
    )
    t.equal(await read(t, socket, { name: 'b' }), ENOENT)
    await write(t, socket, { name: 'c' }, Buffer.alloc(400))
    t.equal((await link.forwarded()).header.name, 'a')
    t.equal((await link.forwarded()).header.name, 'c')
    await finishDump(socket)
    await t.rejects(daemon.finished, { code: 'memory-exhausted', message: /^receiving s:b: / })
    t.equal(await link.ending(), 'ECONNRESET', 'so that the cache knows as well')
  },
)

t.test(
  'max-memory: replaced images, and those of clients that disconnect, are un-counted',
  async (t) => {
    const { socket } = await proxyAlone(t, { maxMemory: 1000 })
    for (let time = 0; time < 5; time++) {
      await write(t, socket, {}, Buffer.alloc(400, `${time}`))
      await write(t, socket, { name: 'appended' }, Buffer.alloc(100))
      await append(t, socket, { name: 'appended' }, Buffer.alloc(100, 'b'))
    }
    t.equal(await read(t, socket, {}), '4'.repeat(400))
  },
)

t.test('a proxy without a cache does not start', async (t) => {
  const socket = join(await directory(t), 'img.sock')
  const { address } = await listenOnce(t)
  const gone = { ...address, port: 1 }
  await t.rejects(startProxy({ socket, link: gone }), {
    code: 'connection-lost',
    message: /^connecting to the cache at 127\.0\.0\.1:1: [^\n]*ECONNREFUSED/,
  })
  await t.rejects(access(socket), { code: 'ENOENT' }, 'it leaves no socket')
})

t.test('W6 W7: a proxy that cannot listen resets its link', async (t) => {
  const { address, connection } = await listenOnce(t)
  const socket = join(await directory(t), 'no such directory', 'img.sock')
  await t.rejects(startProxy({ socket, link: address }), { message: /^listening on .*ENOENT/ })
  t.equal(await (await connection).ending(), 'ECONNRESET')
})
