import { mkdtempSync, rmSync } from 'node:fs'
import { connect, createServer, type Socket } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import t from 'tap'
import { untilLeft } from './until-left.ts'

const directory = mkdtempSync('/tmp/criu-remote-until-left-')
const path = `${directory}/socket`
const accepted: PromiseWithResolvers<Socket>[] = []
const server = createServer({ allowHalfOpen: true }, (socket) => {
  socket.on('error', () => {}).resume()
  accepted.shift()?.resolve(socket)
})
t.before(() => new Promise<void>((resolve) => server.listen(path, resolve)))
t.teardown(() => {
  server.close()
  rmSync(directory, { recursive: true })
})

/** Connects a client; returns both sides. */
async function pair(): Promise<{ client: Socket; served: Socket }> {
  const next = Promise.withResolvers<Socket>()
  accepted.push(next)
  const client = connect({ path, allowHalfOpen: true })
  client.on('error', () => {}).resume()
  return { client, served: await next.promise }
}

t.test('a client that leaves is noticed at once', async (t) => {
  const { client, served } = await pair()
  const left = untilLeft(served)
  client.destroy()
  await left
  t.equal(served.destroyed, true)
})

t.test(
  'a client that closes its own direction stays, and gets no byte until it leaves',
  async (t) => {
    const { client, served } = await pair()
    let bytes = 0
    client.on('data', (piece) => {
      bytes += piece.length
    })
    const left = untilLeft(served).then(() => 'left')
    client.end()
    t.equal(await Promise.race([left, pause(100, 'stays')]), 'stays')
    t.equal(bytes, 0)
    client.destroy()
    t.equal(await left, 'left')
  },
)
