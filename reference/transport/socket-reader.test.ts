import { EventEmitter } from 'node:events'
import type { Socket } from 'node:net'
import t from 'tap'
import { encodeFrame } from '../../proto/frame.ts'
import { SocketReader } from './socket-reader.ts'

/** A socket whose bytes and end come from the test. */
class ScriptedSocket extends EventEmitter {
  flowing = true
  isPaused(): boolean {
    return !this.flowing
  }
  pause(): this {
    this.flowing = false
    return this
  }
  resume(): this {
    this.flowing = true
    return this
  }
}

t.test('F5 W4: a body over 4 GiB is counted exactly', async (t) => {
  const { socket, reader } = scripted()
  const piece = Buffer.alloc(1_048_576)
  let received = 0
  const body = reader.exactly(2 ** 32 + 5, (part) => {
    received += part.length
  })
  for (let count = 0; count < 4096; count++) socket.emit('data', piece)
  socket.emit('data', Buffer.concat([Buffer.from('last5'), encodeFrame(Buffer.from('next'))]))
  await body
  t.equal(received, 2 ** 32 + 5)
  t.equal(String(await reader.frame()), 'next')
})

t.test(
  'F2: bytes after a frame are kept until the next read, and the sender is slowed down',
  async (t) => {
    const { socket, reader } = scripted()
    const frame = reader.frame()
    socket.emit('data', Buffer.concat([encodeFrame(Buffer.from('header')), Buffer.from('image')]))
    t.equal(String(await frame), 'header')
    socket.emit('data', Buffer.from(', more'))
    t.equal(socket.flowing, false)
    const pieces: Buffer[] = []
    const rest = reader.rest((piece) => pieces.push(piece))
    t.equal(socket.flowing, true)
    socket.emit('end')
    await rest
    t.equal(String(Buffer.concat(pieces)), 'image, more')
  },
)

t.test('W6: an end between two frames is an end, even without a read in progress', async (t) => {
  const { socket, reader } = scripted()
  const frame = reader.frame()
  socket.emit('data', encodeFrame(Buffer.from('last')))
  await frame
  socket.emit('end')
  socket.emit('close')
  t.equal(await reader.frame(), undefined)
})

t.test('W7: a close without an end of stream is an error', async (t) => {
  const { socket, reader } = scripted()
  const frame = reader.frame()
  socket.emit('close')
  await t.rejects(frame, {
    code: 'connection-lost',
    message: 'reading a connection: it was closed',
  })
  await t.rejects(
    reader.rest(() => {}),
    { code: 'connection-lost' },
  )
})

t.test('F6: an error of the sink ends the read', async (t) => {
  const { socket, reader } = scripted()
  const rest = reader.rest(() => {
    throw new Error('no room')
  })
  socket.emit('data', Buffer.from('bytes'))
  await t.rejects(rest, { message: 'reading a connection: no room' })
  t.equal(socket.flowing, false)
})

function scripted() {
  const socket = new ScriptedSocket()
  return { socket, reader: new SocketReader(socket as unknown as Socket) }
}
