import fc from 'fast-check'
import t from 'tap'
import { type Content, ContentBuilder, chunksOf, concatenate } from './content.ts'

const empty = new ContentBuilder().finish()

t.test('F5: an image has the bytes of its pieces, whatever their sizes', async () => {
  const sizes = fc.array(
    fc.oneof(
      fc.nat({ max: 40 }),
      fc.nat({ max: 70_000 }),
      fc.constantFrom(16_383, 16_384, 65_535, 65_536),
    ),
    {
      maxLength: 12,
    },
  )
  fc.assert(
    fc.property(sizes, (sizes) => {
      const pieces = sizes.map((size, index) => Buffer.alloc(size, 1 + index))
      const content = built(...pieces)
      return bytes(content).equals(Buffer.concat(pieces)) && content.size === bytes(content).length
    }),
    { numRuns: 50 },
  )
})

t.test('L7: appends do not change the bytes of earlier versions', async () => {
  const appends = fc.array(fc.tuple(fc.nat(), fc.nat({ max: 30_000 })), {
    minLength: 1,
    maxLength: 10,
  })
  fc.assert(
    fc.property(appends, (appends) => {
      const versions: { content: Content; expected: Buffer }[] = [
        { content: empty, expected: Buffer.alloc(0) },
      ]
      for (const [index, [choice, size]] of appends.entries()) {
        const { content, expected } = versions[
          choice % versions.length
        ] as (typeof versions)[number]
        const more = Buffer.alloc(size, 1 + index)
        versions.push({
          content: concatenate(content, built(more)),
          expected: Buffer.concat([expected, more]),
        })
      }
      return versions.every(
        ({ content, expected }) =>
          content.size === expected.length && bytes(content).equals(expected),
      )
    }),
    { numRuns: 50 },
  )
})

t.test('L7: an append does not change the appended content', async (t) => {
  const [first, second] = [built(Buffer.from('one ')), built(Buffer.from('two '))]
  const both = concatenate(first, second)
  concatenate(second, built(Buffer.from('three')))
  t.equal(String(bytes(both)), 'one two ')
  t.equal(String(bytes(concatenate(empty, second))), 'two ')
  t.equal(bytes(empty).length, 0)
})

t.test('F5: an image over 4 GiB is stored in chunks without a copy', async (t) => {
  const piece = Buffer.alloc(1_048_576)
  const builder = new ContentBuilder()
  for (let count = 0; count < 4097; count++) builder.add(piece)
  const content = builder.finish()
  t.equal(content.size, 2 ** 32 + 2 ** 20)
  t.ok(content.chunks.every((chunk) => chunk.buffer === piece.buffer))
  t.equal(concatenate(content, content).size, 2 ** 33 + 2 ** 21)
})

t.test(
  'an image of many small pieces takes few chunks and no more memory than its bytes',
  async (t) => {
    const builder = new ContentBuilder()
    for (let count = 0; count < 20_000; count++) builder.add(Buffer.from('0123456789'))
    t.equal(builder.size, 200_000)
    const { chunks, size } = builder.finish()
    t.ok(chunks.length <= 6, `${chunks.length} chunks`)
    t.equal(size, 200_000)
    t.equal(chunks.reduce((sum, chunk) => sum + chunk.buffer.byteLength, 0) < 300_000, true)
  },
)

t.test(
  'L6: an image of many small appends takes few chunks and at most twice the memory of its bytes',
  async (t) => {
    let content = built(Buffer.from('begun'))
    for (let count = 1; count <= 20_000; count++) {
      content = concatenate(content, built(Buffer.from('0123456789')))
      if (count !== 2_000 && count !== 20_000) continue
      const memory = content.chunks.reduce((sum, { buffer }) => sum + buffer.byteLength, 0)
      t.ok(memory < 2 * content.size, `${memory} bytes for ${content.size}`)
    }
    t.equal(content.size, 200_005)
    t.ok(content.chunks.length <= 6, `${content.chunks.length} chunks`)
  },
)

function built(...pieces: Buffer[]): Content {
  const builder = new ContentBuilder()
  for (const piece of pieces) builder.add(piece)
  return builder.finish()
}

function bytes(content: Content): Buffer {
  return Buffer.concat([...chunksOf(content)])
}
