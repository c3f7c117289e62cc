import { once } from 'node:events'
import { createServer } from 'node:net'
import t from 'tap'
import { claimBlock, freePort } from './ports.ts'

t.test('who claims a block of ports that is held gets another', async (t) => {
  const first = await claimBlock(7)
  const second = await claimBlock(7)
  t.not(second, first)
})

t.test('a port at which somebody listens is not given', async (t) => {
  const port = await freePort()
  const server = createServer().listen({ port: port + 1, host: '127.0.0.1' })
  await once(server, 'listening')
  t.not(await freePort(), port + 1)
  server.close()
})
