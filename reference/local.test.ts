import fc from 'fast-check'
import t from 'tap'
import { turns } from '../harness/testing/peer.ts'
import {
  append,
  client,
  header,
  proxyAlone,
  read,
  reading,
  write,
  writing,
} from '../harness/testing/reference.ts'
import { ENOENT, O_APPEND, O_WRONLY } from '../proto/messages.ts'

t.test(
  'L2 F2: half a header delays no other client and is served when it is complete',
  async (t) => {
    const { socket } = await proxyAlone(t)
    await write(t, socket, { name: 'b' }, 'bytes')
    const bytes = header({ name: 'b' })
    const halves = await Promise.all(
      Array.from(bytes, async (_, length) =>
        (await client(t, socket)).send(bytes.subarray(0, length)),
      ),
    )
    await write(t, socket, { name: 'c' }, 'more')
    t.equal(await read(t, socket, { name: 'c' }), 'more')
    for (const [length, half] of halves.entries()) {
      t.equal(half.received, 0, `${length} bytes of a header have no answer`)
      t.strictSame(await half.send(bytes.subarray(length)).answer(), {
        error: 0,
        bytes: Buffer.from('bytes'),
      })
    }
  },
)

t.test('F2 L3 L5: a header may arrive one byte at a time', async (t) => {
  const { socket } = await proxyAlone(t)
  const writer = await client(t, socket)
  await writer.sendSlowly(Buffer.concat([header({ openMode: O_WRONLY }), Buffer.from('abc')]))
  await writer.end().rest()
  const reader = await client(t, socket)
  await reader.sendSlowly(header({}))
  t.strictSame(await reader.answer(), { error: 0, bytes: Buffer.from('abc') })
})

t.test('F2 L5: an image is the same, whatever pieces it arrives in', async (t) => {
  const { socket } = await proxyAlone(t)
  await fc.assert(
    fc.asyncProperty(
      fc.uint8Array({ maxLength: 100 }),
      fc.array(fc.nat({ max: 130 }), { maxLength: 4 }),
      async (image, cuts) => {
        const stream = Buffer.concat([header({ openMode: O_WRONLY }), image])
        const writer = await client(t, socket)
        const places = [0, ...cuts.sort((a, b) => a - b), stream.length]
        for (const [index, place] of places.entries()) {
          writer.send(stream.subarray(place, places[index + 1] ?? stream.length))
          await turns()
        }
        await writer.end().rest()
        const { bytes } = await (await reading(t, socket, {})).answer()
        return bytes.equals(image)
      },
    ),
    { numRuns: 50 },
  )
})

t.test('L2: 1,000 connections are open at once and complete in reverse order', async (t) => {
  const { socket } = await proxyAlone(t)
  const open = (_: unknown, index: number) =>
    writing(t, socket, { name: `image ${index}` }, `begin ${index} `)
  const writers = await Promise.all(Array.from({ length: 1000 }, open))
  t.equal(await read(t, socket, { name: 'image 0' }), ENOENT)
  await Promise.all(writers.toReversed().map((writer) => writer.send('end').end().rest()))
  const images = await Promise.all(
    writers.map((_, index) => read(t, socket, { name: `image ${index}` })),
  )
  t.strictSame(
    images,
    writers.map((_, index) => `begin ${index} end`),
  )
})

t.test('L3: a read is answered with error 0, the bytes and a close', async (t) => {
  const { socket } = await proxyAlone(t)
  await write(t, socket, {}, 'bytes')
  const golden = Buffer.concat([Buffer.from('020000000800', 'hex'), Buffer.from('bytes')])
  t.strictSame(await (await reading(t, socket, {})).rest(), golden)
  t.strictSame(
    await (await reading(t, socket, {})).end().rest(),
    golden,
    'also to a client that closed its direction',
  )
})

t.test('L4: a read of a missing image is answered with ENOENT and a close', async (t) => {
  const { socket } = await proxyAlone(t)
  t.strictSame(await (await reading(t, socket, {})).rest(), Buffer.from('020000000802', 'hex'))
})

t.test('L5: a second write replaces the image', async (t) => {
  const { socket } = await proxyAlone(t)
  for (const bytes of ['a long first version', 'short', '']) {
    await write(t, socket, {}, bytes)
    t.equal(await read(t, socket, {}), bytes)
  }
})

t.test('L6: an append adds to an image, or creates it', async (t) => {
  const { socket } = await proxyAlone(t)
  await append(t, socket, {}, 'one ')
  await append(t, socket, { openMode: O_APPEND | O_WRONLY }, 'two ')
  await append(t, socket, {}, '')
  t.equal(await read(t, socket, {}), 'one two ')
  await write(t, socket, {}, 'new ')
  await append(t, socket, {}, 'three')
  t.equal(await read(t, socket, {}), 'new three')
})

t.test('L6 L7: an append becomes readable when it is complete', async (t) => {
  const { socket } = await proxyAlone(t)
  const late = await writing(t, socket, { openMode: O_APPEND }, 'begun first')
  await append(t, socket, {}, 'ended first, ')
  await late.end().rest()
  t.equal(await read(t, socket, {}), 'ended first, begun first')
})

t.test('F5: images of sizes around those of pieces and blocks are whole', async (t) => {
  const { socket } = await proxyAlone(t)
  for (const size of [1, 16_383, 16_384, 65_535, 65_536, 65_537, 3_000_001]) {
    const image = Buffer.alloc(size, Buffer.from(`${size} bytes;`))
    await write(t, socket, {}, image)
    const { error, bytes } = await (await reading(t, socket, {})).answer()
    t.ok(error === 0 && bytes.equals(image), `${size} bytes`)
  }
})
