import t from 'tap'
import type { ImageHistory } from './history.ts'
import { judge } from './judge.ts'
import { append, forward, history, read, write } from './made.ts'

/* The text and the clause of a breach, and the fewest operations that show it. */

const first = write(1, [1, 2, 3])
const second = write(2, [4, 5, 6])
const noise = [read([10, 20], [2]), read([11, 12], [2]), read([13, 14], [2])]

const breaches: Record<string, [clause: string, text: string, parts: Partial<ImageHistory>]> = {
  'a read that misses a closed write': [
    'L10',
    'ENOENT: W1 was closed before the read was opened',
    { writes: [first], reads: [read([4, 5], 'missing')] },
  ],
  'a read that gets an old version': [
    'L10',
    'W1: W2 was closed before the read was opened, and is not in its place',
    { writes: [first, second], reads: [read([7, 8], [1]), ...noise] },
  ],
  'a read that sees an image before its close': [
    'L7',
    'W1: it was answered before the close of W1 had begun',
    { writes: [write(1, [1, 5, 6])], reads: [read([2, 3], [1])] },
  ],
  'a version that is lost': [
    'W5',
    '0 versions at the end: write 1 of 1 (client 1 writes W1, 10 bytes) was not forwarded',
    { writes: [first], link: [] },
  ],
  'a version that is lost at the finish': [
    'E1a',
    '1 versions at the end: write 2 of 2 (client 2 writes W2, 10 bytes), closed before the finish ' +
      'was sent, was not forwarded',
    { writes: [first, second], link: [forward(7, [1])], linkEnds: 8 },
  ],
  'a version on the link before its close': [
    'W3',
    'W1: it came before the close of W1 had begun',
    { writes: [write(1, [1, 5, 6])], link: [forward(4, [1])] },
  ],
  'a version on the link that replaces one that has not come': [
    'W5',
    'W2: W1 was closed before, and has not come on the link',
    { writes: [first, second], reads: [read([7, 8], [2])], link: [forward(9, [2])] },
  ],
  'versions that go back at the cache': [
    'C1',
    'W1: a reader had read another version before',
    {
      writes: [first, second],
      reads: [read([7, 8], [2], 'cache'), read([9, 10], [1], 'cache')],
    },
  ],
  'ENOENT at the cache before the end of the link': [
    'C3',
    'ENOENT: the link was open, so the read had to wait',
    { reads: [read([1, 2], 'missing', 'cache')] },
  ],
}

for (const [title, [clause, text, parts]] of Object.entries(breaches))
  t.test(`${title} is a breach of ${clause}`, async (t) => {
    const found = judge([history(parts)])
    t.equal(found?.actual, text)
    t.equal(found?.permitted.clause, clause)
  })

t.test('the picture has the fewest operations that show the breach', async (t) => {
  const found = judge([
    history({
      writes: [first, second, append(3, [30, 31, 32])],
      reads: [read([4, 5], [1]), read([7, 8], [1]), ...noise],
    }),
  ])
  t.strictSame(found?.picture, [
    '1:a.img, from left to right: ( open, [ ] close, ) reply, * on the link',
    '([]       client 1 writes W1, 10 bytes',
    '   ([]    client 2 writes W2, 10 bytes',
    '      ()  a reader reads at the proxy: W1 <- no order explains it',
  ])
})

t.test('a write that was closed before another was opened comes first on the link', async (t) => {
  const one = history({ name: '1:a.img', writes: [first], link: [forward(9, [1], 2)] })
  const other = history({ name: '1:b.img', writes: [second], link: [forward(8, [2], 1)] })
  const found = judge([one, other])
  t.equal(found?.permitted.clause, 'W5')
  t.match(found?.actual, /^W1 of 1:a.img in place 2, after W2 of 1:b.img in place 1/)
})

t.test('writes that were open at once come in either order', async (t) => {
  const one = history({ name: '1:a.img', writes: [first], link: [forward(9, [1], 2)] })
  const during = write(2, [2, 5, 6])
  const other = history({ name: '1:b.img', writes: [during], link: [forward(8, [2], 1)] })
  t.equal(judge([one, other]), undefined)
})
