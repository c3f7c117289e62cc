import { createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import t from 'tap'
import { Peer, type Scope, turns } from '../harness/testing/peer.ts'
import { cacheAlone, directory, header, proxyAlone } from '../harness/testing/reference.ts'
import { localReply } from '../proto/messages.ts'
import { endWrite, finishRestore, openRead, openWrite, readImage, writeImage } from './client.ts'

t.test('L3 L5 L6: write, append and read', async (t) => {
  const { socket } = await proxyAlone(t)
  await writeImage(socket, 's', 'a', Buffer.from('one '))
  await writeImage(socket, 's', 'a', Buffer.from('two'), 'append')
  t.equal(String(await readImage(socket, 's', 'a')), 'one two')
  t.equal(await readImage(socket, 's', 'b'), undefined)
})

t.test('L3: the header of a read, byte for byte', async (t) => {
  const { path, connection } = await fakeServer(t)
  const image = readImage(path, 's', 'a')
  const peer = new Peer(t, await connection)
  t.ok((await peer.take(12)).equals(header({})))
  peer.send(localReply.encode(0), 'bytes').end()
  t.equal(String(await image), 'bytes')
})

t.test('L4: an errno other than ENOENT is an error', async (t) => {
  const { path, connection } = await fakeServer(t)
  const image = openRead(path, 's', 'a')
  new Peer(t, await connection).send(localReply.encode(13)).end()
  await t.rejects(image, {
    code: 'not-found',
    message: 'reading s:a: expected error 0 or 2 (ENOENT), got 13',
  })
})

t.test('L3: a close without a whole reply is an error', async (t) => {
  for (const [bytes, reason] of [
    ['', /the server closed the connection without a reply$/],
    ['\x02\0\0\0\x08', /1\/2 bytes of the message$/],
  ] as const) {
    const { path, connection } = await fakeServer(t)
    const image = readImage(path, 's', 'a')
    new Peer(t, await connection).send(bytes).end()
    await t.rejects(image, { name: 'RemoteError', message: reason })
  }
})

t.test('L5: the end of a write that the server has refused is an error, not a wait', async (t) => {
  const { socket } = await cacheAlone(t)
  const writer = await openWrite(socket, 's', 'a')
  t.teardown(() => writer.destroy())
  await new Promise((resolve) => writer.once('end', resolve))
  writer.destroy()
  await turns()
  await t.rejects(endWrite(writer), { code: 'connection-lost' })
})

t.test('E2: a close without a reply to the finish of a restore is accepted', async (t) => {
  const { path, connection } = await fakeServer(t)
  const finished = finishRestore(path)
  const peer = new Peer(t, await connection)
  await peer.frame()
  peer.end()
  await finished
})

t.test('L1: a connection to a path without a listener is an error', async (t) => {
  const path = join(await directory(t), 'img.sock')
  await t.rejects(readImage(path, 's', 'a'), {
    code: 'connection-lost',
    message: /^connecting to .*img\.sock: .*ENOENT/,
  })
})

async function fakeServer(t: Scope): Promise<{ path: string; connection: Promise<Socket> }> {
  const path = join(await directory(t), 'img.sock')
  const first = Promise.withResolvers<Socket>()
  const server = createServer({ allowHalfOpen: true }, first.resolve)
  t.teardown(() => server.close())
  await new Promise<void>((resolve) => server.listen(path, resolve))
  return { path, connection: first.promise }
}
