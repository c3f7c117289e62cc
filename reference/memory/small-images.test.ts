import fc from 'fast-check'
import t from 'tap'
import { type Content, ContentBuilder, chunksOf, LARGE_PIECE } from './content.ts'
import { isSmall, type Place, SmallImages } from './small-images.ts'

t.test(
  'each image has the bytes that were added, whatever the sizes and the number of images',
  async () => {
    const sizes = fc.array(
      fc.oneof(
        fc.nat({ max: 40 }),
        fc.nat({ max: LARGE_PIECE - 1 }),
        fc.constantFrom(0, LARGE_PIECE - 1),
      ),
      { maxLength: 40 },
    )
    fc.assert(
      fc.property(sizes, (sizes) => {
        const small = new SmallImages()
        const images = sizes.map((size, index) => Buffer.alloc(size, 1 + index))
        const places = images.map((image) => small.add(content(image)))
        return images.every((image, index) =>
          bytes(small.get(places[index] as Place)).equals(image),
        )
      }),
      { numRuns: 50 },
    )
  },
)

t.test('an image is small below the size of a large piece', async (t) => {
  t.strictSame(
    [isSmall(content(Buffer.alloc(LARGE_PIECE - 1))), isSmall(content(Buffer.alloc(LARGE_PIECE)))],
    [true, false],
  )
})

t.test('an image is copied, so that its piece can be freed', async (t) => {
  const small = new SmallImages()
  const piece = Buffer.from('bytes')
  const place = small.add(content(piece))
  piece.fill(0)
  t.equal(String(bytes(small.get(place))), 'bytes')
})

t.test(
  'memory is sparse when gaps are over a MiB and more than the remaining images',
  async (t) => {
    const small = new SmallImages()
    const places = Array.from({ length: 400 }, (_, index) =>
      small.add(content(Buffer.alloc(10_000, index))),
    )
    for (const place of places.slice(0, 200)) small.remove(place)
    t.notOk(small.isSparse, 'as much as is left')
    small.remove(places[200] as Place)
    t.ok(small.isSparse)
    t.ok(
      bytes(small.get(places[399] as Place)).equals(Buffer.alloc(10_000, 399)),
      'the remaining image is in its place',
    )

    const few = new SmallImages()
    few.remove(few.add(content(Buffer.from('bytes'))))
    t.notOk(few.isSparse, 'a gap of a few bytes')
  },
)

function content(bytes: Buffer): Content {
  const builder = new ContentBuilder()
  builder.add(bytes)
  return builder.finish()
}

function bytes(of: Content): Buffer {
  return Buffer.concat([...chunksOf(of)])
}
