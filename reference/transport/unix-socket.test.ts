import { access, lstat, mkdir, rename, stat, symlink, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:net'
import { join } from 'node:path'
import t from 'tap'
import { Peer, type Scope } from '../../harness/testing/peer.ts'
import {
  cacheAlone,
  directory,
  onLink,
  proxyAlone,
  read,
  write,
} from '../../harness/testing/reference.ts'
import { readImage, writeImage } from '../client.ts'
import { connectUnix, listenUnix } from './unix-socket.ts'

t.test('L1: the socket is for its owner only, whatever the umask', async (t) => {
  const before = process.umask(0)
  t.teardown(() => process.umask(before))
  for (const { socket } of [await proxyAlone(t), await cacheAlone(t)])
    t.equal((await stat(socket)).mode & 0o777, 0o600)
  t.equal(process.umask(), 0, 'the umask of the process is as it was')
})

t.test('L1: a stale socket file is replaced', async (t) => {
  const path = await staleSocket(t)
  await echo(t, path)
  t.equal(await shout(t, path), 'heard')
})

t.test('L1: the socket of a live daemon is not replaced', async (t) => {
  const { socket, daemon } = await proxyAlone(t)
  await write(t, socket, {}, 'bytes')
  await t.rejects(proxyAlone(t, { socket }), {
    code: 'socket-in-use',
    message: `listening on ${socket}: a live daemon listens there`,
  })
  await t.rejects(cacheAlone(t, { socket }), { code: 'socket-in-use' })
  t.equal(await read(t, socket, {}), 'bytes')
  await daemon.stop('enough')
  const { link } = await proxyAlone(t, { socket })
  await write(t, socket, {}, 'of the next')
  t.equal(String((await link.forwarded()).body), 'of the next', 'when it has ended, it is')
})

t.test('L1: another file, or a link to a socket, is not replaced', async (t) => {
  const path = join(await directory(t), 'img.sock')
  await writeFile(path, 'of value')
  await t.rejects(
    listenUnix(path, () => {}),
    { code: 'socket-in-use', message: /expected a socket or no file there, got another file$/ },
  )
  const link = `${path}.link`
  await symlink(path, link)
  await t.rejects(
    listenUnix(link, () => {}),
    { code: 'socket-in-use' },
  )
  t.equal((await stat(path)).size, 8)
})

t.test('L1: paths of 107 bytes, of a little more, and of much more can be used', async (t) => {
  for (const length of [106, 107, 108, 109, 255, 1000, 3000]) {
    const path = await pathOf(t, length)
    const server = await echo(t, path)
    t.equal(await shout(t, path), 'heard', `${length} bytes`)
    t.ok((await lstat(path)).isSocket())
    await new Promise((resolve) => server.close(resolve))
    await t.rejects(access(path), { code: 'ENOENT' }, 'removed in the end')
  }
})

t.test('L1: a stale socket at a long path is replaced, a live one is not', async (t) => {
  const path = await pathOf(t, 300)
  await rename(await staleSocket(t), path)
  await echo(t, path)
  await t.rejects(
    listenUnix(path, () => {}),
    { code: 'socket-in-use', message: /a live daemon listens there$/ },
  )
  t.equal(await shout(t, path), 'heard')
})

t.test('L1: an error names a path that no directory can hold', async (t) => {
  const base = await directory(t)
  for (const path of [
    join(base, 'missing', 'img.sock'),
    join(base, 'missing'.repeat(30), 'img.sock'),
    join(base, 'x'.repeat(200)),
  ]) {
    await t.rejects(
      listenUnix(path, () => {}).then((server) => server.close()),
      { name: 'RemoteError', message: new RegExp(path) },
      path,
    )
    await t.rejects(connectUnix(path), { name: 'RemoteError', message: new RegExp(path) })
  }
})

t.test('L1: proxy, cache and client work with long paths', async (t) => {
  const { socket, link } = await proxyAlone(t, { socket: await pathOf(t, 400) })
  await writeImage(socket, 's', 'a', Buffer.from('bytes'))
  t.equal(String((await link.forwarded()).body), 'bytes')
  const cache = await cacheAlone(t, { socket: await pathOf(t, 500) })
  ;(await cache.linkUp()).send(onLink({}, 'bytes'))
  t.equal(String(await readImage(cache.socket, 's', 'a')), 'bytes')
})

/** Returns a path in a directory, with a file name that makes it `bytes` long. */
async function pathOf(t: Scope, length: number): Promise<string> {
  let path = await directory(t)
  while (length - path.length > 90)
    path = join(path, 'd'.repeat(Math.min(80, length - path.length - 5)))
  await mkdir(path, { recursive: true })
  return join(path, 's'.repeat(length - path.length - 1))
}

async function staleSocket(t: Scope): Promise<string> {
  const path = join(await directory(t), 'img.sock')
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(path, resolve))
  await rename(path, `${path}.kept`)
  await new Promise((resolve) => server.close(resolve))
  await rename(`${path}.kept`, path)
  return path
}

async function echo(t: Scope, path: string): Promise<Server> {
  const server = await listenUnix(path, (socket) =>
    socket
      .on('error', () => {})
      .resume()
      .end('heard'),
  )
  t.teardown(() => server.close())
  return server
}

async function shout(t: Scope, path: string): Promise<string> {
  return String(await new Peer(t, await connectUnix(path)).end().rest())
}
