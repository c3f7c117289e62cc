import t from 'tap'
import { type Content, ContentBuilder } from './image.ts'
import { ImageStore } from './store.ts'

t.test('L5 L6 S1: put replaces, append adds, each under its own id and name', async (t) => {
  const store = new ImageStore()
  store.put('1', 'a', content('old'))
  store.put('1', 'a', content('new'))
  t.equal(text(store.append('1', 'a', content('er'))), 'newer')
  t.equal(text(store.append('2', 'a', content('other'))), 'other')
  t.strictSame([text(store.get('1', 'a')), text(store.get('2', 'a')), text(store.get('1', 'b'))], ['newer', 'other', undefined])
})

t.test('C2: all who wait for an image are answered by a put or an append, once', async (t) => {
  const store = new ImageStore()
  const [one, two, other] = [store.wait('1', 'a'), store.wait('1', 'a'), store.wait('1', 'b')]
  store.put('2', 'a', content('of another id'))
  store.append('1', 'a', content('first'))
  store.put('1', 'a', content('second'))
  store.put('1', 'b', content('b'))
  t.strictSame((await Promise.all([one, two, other])).map(text), ['first', 'first', 'b'])
  t.equal(text(await store.wait('1', 'a')), 'second', 'what is there is not waited for')
})

t.test('C3: abandoned waiters get nothing, later ones may wait again', async (t) => {
  const store = new ImageStore()
  const waiters = [store.wait('1', 'a'), store.wait('2', 'a'), store.wait('2', 'b')]
  store.abandonWaiters()
  t.strictSame(await Promise.all(waiters), [undefined, undefined, undefined])
  const later = store.wait('1', 'a')
  store.put('1', 'a', content('late'))
  t.equal(text(await later), 'late')
})

t.test('max-memory: exactly the limit is permitted, one byte over it is not', async (t) => {
  const store = new ImageStore(10)
  store.reserve(4)
  store.reserve(6)
  t.throws(() => store.reserve(1), { code: 'memory-exhausted', message: 'storing images: expected at most 10 bytes, got 11' })
  t.equal(store.bytes, 10)
  store.release(1)
  store.reserve(1)
})

t.test('max-memory: the bytes of a version that is replaced are given back, those appended to are kept', async (t) => {
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
})

function content(bytes: string): Content {
  const builder = new ContentBuilder()
  builder.add(Buffer.from(bytes))
  return builder.finish()
}

function text(of: Content | undefined): string | undefined {
  return of && Buffer.concat(of.chunks.slice(0, of.count)).toString()
}
