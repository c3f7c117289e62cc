import { type Case, expectImage, expectMissing } from '../../harness/conformance/index.ts'

/* L. Local connections, at the proxy; the cache's side of the same clauses is in cache.ts. */

export const cases: readonly Case[] = [
  {
    id: 'proxy-read-back',
    clauses: ['L3', 'L5', 'S4'],
    role: 'proxy',
    about: 'An image is written, closed, and read: error 0, its bytes, a close.',
    async run(bench) {
      const bytes = Buffer.from('an image of some bytes')
      await bench.store('1', 'a.img', bytes)
      expectImage(await bench.read('1', 'a.img'), bytes, 'L3')
    },
  },
  {
    id: 'proxy-read-missing',
    clauses: ['L4', 'P1'],
    role: 'proxy',
    about: 'A read of an image that was never written is answered ENOENT and a close at once, and the proxy goes on serving.',
    async run(bench) {
      expectMissing(await bench.read('1', 'never.img'), 'L4')
      await bench.stillServes('P1')
    },
  },
]
