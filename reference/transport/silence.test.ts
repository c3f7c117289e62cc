import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { createInterface } from 'node:readline'
import { setTimeout as pause } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { onSilence } from './silence.ts'

const LIMIT = 50

/** Returns both ends of a connection. */
async function connection(t: Test): Promise<{ own: Socket; peer: Socket }> {
  const server = createServer({ allowHalfOpen: true }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  const peer = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
  const [own] = (await once(server, 'connection')) as [Socket]
  t.teardown(() => {
    own.destroy()
    peer.destroy()
    server.close()
  })
  return { own, peer }
}

/** A process that tells the first event of its only connection: bytes, or silence. */
const SERVER = `
import { createServer } from 'node:net'
import { onSilence } from '${new URL('./silence.ts', import.meta.url)}'
const tell = (text) => { process.stdout.write(text + '\\n', () => process.exit()) }
createServer((socket) => {
  socket.once('data', () => tell('bytes'))
  onSilence(socket, ${LIMIT}, () => tell('silence'))
  console.log('accepted')
}).listen(0, '127.0.0.1', function () { console.log(this.address().port) })
`

t.test('E1a: bytes that wait in the kernel when the time ends are no silence', async (t) => {
  for (let round = 0; round < 3; round++) {
    const server = spawn(process.execPath, ['--input-type=module', '-e', SERVER])
    const lines = createInterface(server.stdout)[Symbol.asyncIterator]()
    const line = async () => (await lines.next()).value
    const peer = connect({ port: Number(await line()), host: '127.0.0.1' })
    t.teardown(() => {
      peer.destroy()
      server.kill('SIGKILL')
    })
    t.equal(await line(), 'accepted')
    server.kill('SIGSTOP')
    await new Promise((resolve) => peer.write('a header', resolve))
    await pause(3 * LIMIT)
    server.kill('SIGCONT')
    t.equal(await line(), 'bytes')
  }
})

t.test('a silent connection is called silent once the time is over', async (t) => {
  const { own } = await connection(t)
  own.resume()
  const begin = performance.now()
  await new Promise<void>((resolve) => onSilence(own, LIMIT, resolve))
  t.ok(performance.now() - begin >= LIMIT - 1)
})

t.test('a later limit replaces an earlier one, also when bytes come', async (t) => {
  const { own, peer } = await connection(t)
  let silences = 0
  own.on('data', () => onSilence(own, 100 * LIMIT, () => silences++))
  onSilence(own, LIMIT, () => silences++)
  await pause(LIMIT / 2)
  peer.write('a header')
  await pause(4 * LIMIT)
  t.equal(silences, 0)
})
