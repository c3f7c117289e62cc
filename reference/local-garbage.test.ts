import t from 'tap'
import type { Scope } from '../harness/testing/peer.ts'
import {
  cacheAlone,
  client,
  header,
  onLink,
  proxyAlone,
  read,
  write,
  writing,
} from '../harness/testing/reference.ts'
import { encodeFrame } from '../proto/frame.ts'
import { localReply } from '../proto/messages.ts'

const hostile = {
  'a length over the limit': Buffer.from('ffffffff', 'hex'),
  'bytes that are no message': encodeFrame(Buffer.from('ff', 'hex')),
  'a reply': localReply.encode(0),
  'invalid UTF-8': Buffer.from('080000000a01ff1201621800', 'hex'),
  'a name of 4096 bytes': Buffer.concat([
    Buffer.from('081000000a8020', 'hex'),
    Buffer.alloc(4096, 'a'),
    Buffer.from('1201621800', 'hex'),
  ]),
  'an open mode of no operation': header({ openMode: 2 }),
  'a header without its last byte': header({}).subarray(0, -1),
  'half a length': Buffer.from('0800', 'hex'),
  text: Buffer.from('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n'),
}

for (const role of ['proxy', 'cache'] as const) {
  t.test(
    `F6 L2: ${role}: garbage ends its own connection only, with a reason in the log`,
    async (t) => {
      const { socket, logged } =
        role === 'proxy' ? await proxyWithImage(t) : await cacheWithImage(t)
      for (const [description, bytes] of Object.entries(hostile)) {
        const bystander = await client(t, socket)
        await (await client(t, socket)).send(bytes).end().ending()
        t.strictSame(
          await bystander.send(header({})).answer(),
          { error: 0, bytes: Buffer.from('bytes') },
          description,
        )
      }
      for (const reason of [
        /length of 4294967295/,
        /decoding a local_image_entry/,
        /got 4096/,
        /open mode 2/,
        /2\/4 bytes of the length/,
      ])
        await logged(reason)
    },
  )
}

t.test('L5: a cache takes no images from clients', async (t) => {
  const { socket, linkUp, logged } = await cacheAlone(t)
  const link = await linkUp()
  await (await writing(t, socket, {}, 'forged')).end().ending()
  await logged(/^warn opening s:a to write: a cache takes images from its proxy only/)
  link.send(onLink({}, 'true'))
  t.equal(await read(t, socket, {}), 'true')
})

async function proxyWithImage(t: Scope) {
  const proxy = await proxyAlone(t)
  await write(t, proxy.socket, {}, 'bytes')
  return proxy
}

async function cacheWithImage(t: Scope) {
  const cache = await cacheAlone(t)
  const link = await cache.linkUp()
  link.send(onLink({}, 'bytes'))
  return cache
}
