import { createConnection } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import t from 'tap'
import { type Peer, type Scope, turns } from '../harness/testing/peer.ts'
import {
  cacheAlone,
  client,
  header,
  onLink,
  proxyAlone,
  read,
  reading,
  write,
  writing,
} from '../harness/testing/reference.ts'
import { ENOENT, O_WRONLY } from '../proto/messages.ts'
import { finishDump, finishRestore } from './client.ts'

/** Size in bytes of an image that the socket buffers of a reader cannot hold. */
const LARGE = 2_000_000
const SMALL = Buffer.alloc(100_000)
/** Limit of a stalled reader in these tests, in ms. */
const SILENCE = 200

for (const [kind, open] of Object.entries({
  'whose header comes whole': reading,
  'whose header comes in two pieces': readingSlowly,
})) {
  t.test(`E1b: a stalled reader ${kind} is reset after the finish of a dump`, async (t) => {
    const { socket, daemon } = await proxyAlone(t, { readerSilence: SILENCE })
    await write(t, socket, {}, Buffer.alloc(LARGE))
    const reader = await stalled(t, socket, open)
    const began = performance.now()
    await finishDump(socket)
    await daemon.finished
    t.ok(performance.now() - began >= SILENCE)
    t.equal(await endingOf(reader), 'ECONNRESET')
  })
}

t.test('E1b: a stalled reader is reset after the finish of a restore', async (t) => {
  const { socket, daemon, linkUp } = await cacheAlone(t, { readerSilence: SILENCE })
  ;(await linkUp()).send(onLink({}, Buffer.alloc(LARGE))).end()
  const reader = await stalled(t, socket, reading)
  await finishRestore(socket)
  await daemon.finished
  t.equal(await endingOf(reader), 'ECONNRESET')
})

t.test('E1b: a reader whose last bytes are few is reset as well', async (t) => {
  const { socket, daemon } = await proxyAlone(t, { readerSilence: SILENCE })
  await write(t, socket, {}, Buffer.alloc(260_000))
  const reader = await stalled(t, socket, reading)
  await finishDump(socket)
  await daemon.finished
  t.equal(await endingOf(reader), 'ECONNRESET')
})

t.test('E1b: a reader that takes bytes now and then gets its whole version', async (t) => {
  const { socket, daemon } = await proxyAlone(t, { readerSilence: SILENCE })
  const image = Buffer.alloc(600_000, 'bytes')
  await write(t, socket, {}, image)
  const reader = await stalled(t, socket, reading)
  await finishDump(socket)
  // A piece of 40 kB does not make room in the socket: only the kernel's count shows it.
  for (const end = performance.now() + 4 * SILENCE; performance.now() < end; ) {
    reader.socket.once('data', () => reader.socket.pause())
    reader.socket.resume()
    await pause(SILENCE / 4)
  }
  reader.socket.resume()
  t.ok((await reader.answer()).bytes.equals(image))
  await daemon.finished
})

t.test('L7: a reader is reset when the link of its proxy is lost', async (t) => {
  const { socket, daemon, link } = await proxyAlone(t)
  await write(t, socket, {}, Buffer.alloc(LARGE))
  const reader = await stalled(t, socket, reading)
  link.socket.resetAndDestroy()
  await t.rejects(daemon.finished, { code: 'connection-lost' })
  t.equal(await endingOf(reader), 'ECONNRESET')
})

t.test('L7: readers and waiters are reset when the daemon is stopped', async (t) => {
  const { socket, daemon, linkUp } = await cacheAlone(t)
  ;(await linkUp()).send(onLink({}, Buffer.alloc(LARGE)))
  const reader = await stalled(t, socket, reading)
  const waiter = await reading(t, socket, { name: 'never' })
  await turns()
  await daemon.stop('got SIGTERM')
  t.equal(await endingOf(reader), 'ECONNRESET')
  t.equal(await waiter.ending(), 'ECONNRESET')
})

t.test('L5: a writer whose image is dropped finds a reset', async (t) => {
  const { socket } = await proxyAlone(t, { maxMemory: 100_000 })
  const writer = await writing(t, socket, {}, Buffer.alloc(1_000_000))
  t.match(await writer.ending(), /^(ECONNRESET|EPIPE)$/)
})

t.test('L3 L4: a reader that takes its bytes late finds a clean end', async (t) => {
  const { socket } = await proxyAlone(t)
  await write(t, socket, {}, 'bytes')
  for (const [name, size] of [
    ['a', 11],
    ['missing', 6],
  ] as const) {
    const reader = await client(t, socket)
    reader.socket.pause()
    reader.send(header({ name }))
    await pause(50)
    reader.socket.resume()
    t.equal((await reader.rest()).length, size)
  }
})

t.test('L3: a reader that closes its own direction finds a clean end', async (t) => {
  const { socket } = await proxyAlone(t)
  const image = Buffer.alloc(LARGE, 'bytes')
  await write(t, socket, {}, image)
  const reader = await stalled(t, socket, reading)
  reader.end()
  await pause(50)
  reader.socket.resume()
  t.ok((await reader.answer()).bytes.equals(image))
})

t.test('L3: a reader that sends more than its header finds a clean end', async (t) => {
  const { socket } = await proxyAlone(t)
  await write(t, socket, {}, 'bytes')
  const reader = (await client(t, socket)).send(header({}), Buffer.alloc(150_000))
  t.equal(String((await reader.answer()).bytes), 'bytes')
})

t.test('R1: a waiter that leaves is noticed; one that closes its direction stays', async (t) => {
  const { socket, linkUp, logged } = await cacheAlone(t)
  const link = await linkUp()
  const half = (await reading(t, socket, {})).end()
  const leaver = await reading(t, socket, { name: 'never' })
  await pause(50)
  leaver.socket.destroy()
  await logged(/read s:never: no such image/)
  link.send(onLink({}, 'late'))
  t.equal(String((await half.answer()).bytes), 'late')
})

t.test('L10: a read is served after the writes that closed before it connected', async (t) => {
  const { socket } = await proxyAlone(t)
  for (let time = 0; time < 20; time++) {
    const late = createConnection(socket)
    await pause(2)
    const image = Buffer.concat([header({ name: `${time}`, openMode: O_WRONLY }), SMALL])
    await new Promise((resolve) => late.write(image, resolve))
    late.destroy()
    t.not(await read(t, socket, { name: `${time}` }), ENOENT)
  }
})

/** Opens a reader that has its reply and the first bytes, and takes no more. */
async function stalled(t: Scope, socket: string, open: typeof reading): Promise<Peer> {
  const reader = await open(t, socket, {})
  await new Promise((resolve) => reader.socket.once('data', resolve))
  reader.socket.pause()
  await pause(20)
  return reader
}

async function readingSlowly(...[t, socket, image]: Parameters<typeof reading>): Promise<Peer> {
  const reader = await client(t, socket)
  await pause(10)
  reader.send(header(image).subarray(0, 4))
  await pause(10)
  return reader.send(header(image).subarray(4))
}

async function endingOf(reader: Peer): Promise<string> {
  reader.socket.resume()
  return await reader.ending()
}
