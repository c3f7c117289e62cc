import t from 'tap'
import type { Descriptor } from '../implementation/descriptor.ts'
import type { Case } from './case.ts'
import { CaseQueue } from './case-queue.ts'
import type { LoadedCase } from './loaded-cases.ts'

const descriptor: Descriptor = {
  ...{ name: 'both', dialect: 'auto', environment: {} },
  ...{ proxy: { command: ['a'] }, cache: { command: ['b'] } },
  capabilities: { append: true, inheritedConnection: true },
}

const loaded = (id: string, role: 'proxy' | 'cache'): LoadedCase => ({
  group: 'g',
  value: { id, role, clauses: ['L1'], about: '', run: async () => {} } as Case,
})

const suite = [
  loaded('proxy-finish', 'proxy'),
  loaded('proxy-read-back', 'proxy'),
  loaded('proxy-forwards-an-image', 'proxy'),
  loaded('cache-silent', 'cache'),
]

t.test('a case waits for its basics, and is blocked if one of them fails', async (t) => {
  const queue = new CaseQueue(suite, descriptor, true)
  const ids = [await queue.next(), await queue.next()].map((next) => next?.loaded.value.id)
  t.same(ids, ['cache-silent', 'proxy-forwards-an-image'], 'one of each role at once')
  const waiting = queue.next()
  t.equal(await Promise.race([waiting, undefined]), undefined, 'the others wait')
  queue.done({ id: 'proxy-forwards-an-image', outcome: 'fail' })
  const blocked = { blockedBy: 'proxy-forwards-an-image' }
  t.match(await waiting, { loaded: { value: { id: 'proxy-read-back' } }, ...blocked })
  queue.done({ id: 'proxy-read-back', outcome: 'blocked' })
  t.match(await queue.next(), { loaded: { value: { id: 'proxy-finish' } }, ...blocked })
  t.equal(await queue.next(), undefined)
})

t.test('without dependencies every case is ready, and a closed queue is empty', async (t) => {
  const queue = new CaseQueue(suite, descriptor, false)
  await queue.next()
  queue.done({ id: 'cache-silent', outcome: 'fail' })
  await queue.next()
  t.match(await queue.next(), { blockedBy: undefined })
  queue.close()
  t.equal(await queue.next(), undefined)
})

t.test(
  'a warning does not block, and neither does a basic case that is not selected',
  async (t) => {
    const [finish, readBack] = suite as [LoadedCase, LoadedCase]
    const queue = new CaseQueue([finish, readBack], descriptor, true)
    await queue.next()
    queue.done({ id: 'proxy-read-back', outcome: 'warn' })
    t.match(await queue.next(), { loaded: { value: { id: 'proxy-finish' } }, blockedBy: undefined })
  },
)
