import t from 'tap'
import { type Content, ContentBuilder, chunksOf } from './content.ts'
import { ImageStore } from './image-store.ts'

t.test('L5 L6 S1: put replaces and append adds, under one id and name only', async (t) => {
  const store = new ImageStore()
  store.put('1', 'a', content('old'))
  store.put('1', 'a', content('new'))
  t.equal(text(store.append('1', 'a', content('er'))), 'newer')
  t.equal(text(store.append('2', 'a', content('other'))), 'other')
  t.strictSame(
    [text(store.get('1', 'a')), text(store.get('2', 'a')), text(store.get('1', 'b'))],
    ['newer', 'other', undefined],
  )
})

t.test('C2: a put or an append answers all waiting reads of the image once', async (t) => {
  const store = new ImageStore()
  const [one, two, other] = [store.wait('1', 'a'), store.wait('1', 'a'), store.wait('1', 'b')]
  store.put('2', 'a', content('of another id'))
  store.append('1', 'a', content('first'))
  store.put('1', 'a', content('second'))
  store.put('1', 'b', content('b'))
  t.strictSame((await Promise.all([one, two, other])).map(text), ['first', 'first', 'b'])
  t.equal(text(await store.wait('1', 'a')), 'second', 'a stored image needs no wait')
})

t.test('C3: abandoned waiters get undefined; later ones wait again', async (t) => {
  const store = new ImageStore()
  const waiters = [store.wait('1', 'a'), store.wait('2', 'a'), store.wait('2', 'b')]
  store.abandonWaiters()
  t.strictSame(await Promise.all(waiters), [undefined, undefined, undefined])
  const later = store.wait('1', 'a')
  store.put('1', 'a', content('late'))
  t.equal(text(await later), 'late')
})

t.test('max-memory: exactly the limit is permitted, one byte more is not', async (t) => {
  const store = new ImageStore(10)
  store.reserve(4)
  store.reserve(6)
  t.throws(() => store.reserve(1), {
    code: 'memory-exhausted',
    message: 'storing images: expected at most 10 bytes, got 11',
  })
  t.equal(store.bytes, 10)
  store.release(1)
  store.reserve(1)
})

t.test(
  'max-memory: a put un-counts the replaced version, an append keeps it counted',
  async (t) => {
    const store = new ImageStore(100)
    store.reserve(40)
    store.put('1', 'a', content('x'.repeat(40)))
    store.reserve(30)
    store.put('1', 'a', content('x'.repeat(30)))
    t.equal(store.bytes, 30)
    store.reserve(5)
    store.append('1', 'a', content('x'.repeat(5)))
    t.equal(store.bytes, 35)
    store.reserve(1)
    store.put('1', 'a', content('x'))
    t.equal(store.bytes, 1)
  },
)

t.test(
  'L7: a reader keeps its version when images are replaced and moved to close gaps',
  async (t) => {
    const store = new ImageStore()
    store.put('1', 'a', content('first'))
    store.put('2', 'b', content('x'.repeat(10_000)))
    const begun = store.get('1', 'a')
    const block = store.get('2', 'b')?.chunks[0]?.buffer
    store.put('1', 'a', content('second'))
    for (let time = 0; time < 500; time++) store.put('1', 'c', content(`${time}`.padEnd(10_000)))
    t.strictSame([text(begun), text(store.get('1', 'a'))], ['first', 'second'])
    t.equal(text(store.get('2', 'b')), 'x'.repeat(10_000))
    t.not(
      store.get('2', 'b')?.chunks[0]?.buffer,
      block,
      'it was moved: only a reader keeps the block with the gaps',
    )
    t.equal(text(store.get('1', 'c')), '499'.padEnd(10_000))
  },
)

t.test('L6: an image grows from empty to small to large, and every version is whole', async (t) => {
  const store = new ImageStore()
  const versions = Array.from({ length: 100 }, (_, index) => ({
    whole: store.append('1', 'a', content('y'.repeat(index * 10))),
    index,
  }))
  let size = 0
  for (const { whole, index } of versions) {
    size += index * 10
    t.equal(text(whole), 'y'.repeat(size))
  }
  t.equal(text(store.get('1', 'a')), 'y'.repeat(size))
  store.put('1', 'a', content('small'))
  t.equal(text(store.append('1', 'a', content(' again'))), 'small again')
})

t.test('S1: an empty image exists', async (t) => {
  const store = new ImageStore()
  t.notOk(store.has('1', 'a'))
  store.put('1', 'a', content(''))
  t.ok(store.has('1', 'a'))
  t.equal(text(store.get('1', 'a')), '')
})

function content(bytes: string): Content {
  const builder = new ContentBuilder()
  builder.add(Buffer.from(bytes))
  return builder.finish()
}

function text(of: Content | undefined): string | undefined {
  return of && Buffer.concat([...chunksOf(of)]).toString()
}

t.test('R1: a waiter that left is forgotten, and others are answered', async (t) => {
  const store = new ImageStore()
  const left = Promise.withResolvers<void>()
  const [one, other] = [store.wait('1', 'a', left.promise), store.wait('1', 'a')]
  left.resolve()
  t.equal(await one, undefined)
  store.put('1', 'a', content('whole'))
  t.equal(text(await other), 'whole')
})
