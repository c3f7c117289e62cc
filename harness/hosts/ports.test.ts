import { once } from 'node:events'
import { createServer } from 'node:net'
import t from 'tap'
import { claimBlock, freePort } from './ports.ts'

t.test('a claim of a block of ports that is already held gets another block', async (t) => {
  const first = await claimBlock(7)
  const second = await claimBlock(7)
  t.not(second, first)
})

t.test('a port on which a socket listens is not given out', async (t) => {
  const port = await freePort()
  const server = createServer().listen({ port: port + 1, host: '127.0.0.1' })
  await once(server, 'listening')
  t.not(await freePort(), port + 1)
  server.close()
})
