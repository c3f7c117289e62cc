import t from 'tap'
import { testFiles } from './test-files.ts'

t.test('the shards together have every test file exactly once', async (t) => {
  for (const tier of ['usual', 'all'] as const) {
    const all = testFiles(tier).toSorted()
    t.ok(all.includes('ci/test-files.test.ts'))
    for (const count of [2, 3, 7, all.length + 1]) {
      const parts = Array.from({ length: count }, (_, index) =>
        testFiles(tier, { part: index + 1, of: count }),
      )
      t.same(parts.flat().toSorted(), all, `${count} shards`)
    }
  }
})

t.test('a file that takes long is not behind short ones', async (t) => {
  t.match(testFiles('all')[0], /pre-dump/)
})
