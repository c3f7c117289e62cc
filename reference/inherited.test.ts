import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync } from 'node:fs'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import t from 'tap'
import type { Peer, Scope } from '../harness/testing/peer.ts'
import { directory, linkTo, onLink, read, write } from '../harness/testing/reference.ts'
import { ENOENT } from '../proto/messages.ts'
import { finishDump, finishRestore } from './client.ts'
import { startProxy } from './proxy.ts'

/*
 * A link that was inherited at exec (W1): the daemon is its own process and has the link as
 * descriptor 3.
 */

t.test('W1 E1: a proxy forwards on an inherited connection, and closes it', async (t) => {
  const { socket, link, exit } = await inheriting(t, 'proxy.ts', 'startProxy')
  await write(t, socket, {}, 'bytes')
  t.equal(String((await link.forwarded()).body), 'bytes')
  await finishDump(socket)
  t.equal((await link.rest()).length, 0)
  t.strictSame(await exit, [0, null])
})

t.test(
  'W1 C2 C3 E2: a cache receives on an inherited connection, even bytes sent before it started',
  async (t) => {
    const { socket, link, exit } = await inheriting(
      t,
      'cache.ts',
      'startCache',
      onLink({ name: 'early' }, 'bytes'),
    )
    t.equal(await read(t, socket, { name: 'early' }), 'bytes')
    link.send(onLink({ name: 'late' }, 'bytes')).end()
    t.equal(await read(t, socket, { name: 'late' }), 'bytes')
    t.equal(await read(t, socket, { name: 'none' }), ENOENT)
    await finishRestore(socket)
    t.strictSame(await exit, [0, null])
  },
)

t.test('W7: an inherited connection that is lost fails the migration as well', async (t) => {
  const { link, exit } = await inheriting(t, 'proxy.ts', 'startProxy')
  link.socket.resetAndDestroy()
  t.strictSame(await exit, [1, null])
})

t.test('W1: an error names a descriptor that is no connection', async (t) => {
  const file = openSync(import.meta.filename, 'r')
  t.teardown(() => closeSync(file))
  const socket = join(await directory(t), 'img.sock')
  for (const fd of [file, 100_000]) {
    await t.rejects(startProxy({ socket, link: { fd } }), {
      name: 'RemoteError',
      message: new RegExp(`^taking over file descriptor ${fd} as the connection`),
    })
  }
})

async function inheriting(t: Scope, file: string, start: string, early: string | Buffer = '') {
  const { link, inner } = await connection(t)
  link.send(early)
  const socket = join(await directory(t), 'img.sock')
  const script = `
    import { ${start} } from './${file}'
    const { finished } = await ${start}({ socket: process.argv[1], link: { fd: 3 } })
    console.log('ready')
    await finished`
  const child = spawn(process.execPath, ['--input-type=module', '--eval', script, socket], {
    cwd: import.meta.dirname,
    stdio: ['ignore', 'pipe', 'ignore', inner],
  })
  t.teardown(() => child.kill('SIGKILL'))
  inner.destroy()
  await once(child.stdout as NonNullable<ChildProcess['stdout']>, 'data')
  return { socket, link, exit: once(child, 'exit') }
}

/** Returns both ends of a TCP connection. No byte of `inner` has been read. */
async function connection(t: Scope): Promise<{ link: Peer; inner: Socket }> {
  const server = createServer({ pauseOnConnect: true })
  t.teardown(() => server.close())
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const accepted = once(server, 'connection') as Promise<[Socket]>
  const link = await linkTo(t, { host: '127.0.0.1', port: (server.address() as AddressInfo).port })
  const [inner] = await accepted
  return { link, inner }
}
