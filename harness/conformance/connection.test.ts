import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type Socket } from 'node:net'
import t from 'tap'
import { localReply } from '../../proto/index.ts'
import { Connection } from './connection.ts'
import { Trace } from './trace.ts'

const MIB8 = 8 * 1024 * 1024

t.test('a connection keeps a reply and an image of 8 MiB', async (t) => {
  const directory = mkdtempSync('/tmp/criu-remote-connection-')
  t.teardown(() => rmSync(directory, { recursive: true }))
  const path = `${directory}/answer.sock`
  const reply = localReply.encode(0)
  const answer = Buffer.concat([reply, Buffer.alloc(MIB8, 'image')])
  const accepted = Promise.withResolvers<Socket>()
  const server = createServer(accepted.resolve)
  await new Promise<void>((resolve) => server.listen(path, resolve))
  t.teardown(() => server.close())
  const connection = await Connection.to('reader', { path }, new Trace())
  const socket = await accepted.promise
  socket.write(answer.subarray(0, MIB8))
  await connection.until(() => connection.received.length === MIB8)
  socket.end(answer.subarray(MIB8))
  const { bytes } = await connection.answer()
  connection.socket.destroy()
  t.equal(bytes.length, MIB8)
})
