import t from 'tap'
import type { CaseResult, Outcome } from '../result.ts'
import { FailureLines } from './progress.ts'

const result = (id: string, outcome: Outcome, signature = 'a') =>
  ({ id, outcome, signature, what: 'the reply', actual: 'nothing\x1b[31m' }) as CaseResult

t.test('a failure is one line with the counts so far; the same once more is short', async (t) => {
  const lines = new FailureLines()
  lines.total = 9
  t.equal(lines.take(result('one', 'pass')), undefined)
  t.equal(
    lines.take(result('two', 'fail')),
    'FAIL two: the reply: nothing\\x1b[31m [2 of 9: 1 pass, 1 fail]',
  )
  t.equal(lines.take(result('three', 'blocked')), undefined)
  t.equal(
    lines.take(result('four', 'fail')),
    'FAIL four: as two [4 of 9: 1 pass, 2 fail, 1 blocked]',
  )
})
