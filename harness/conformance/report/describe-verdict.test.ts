import t from 'tap'
import { type CaseResult, type Outcome, type Results, verdict } from '../result.ts'
import { describeVerdict } from './describe-verdict.ts'

const describe = (
  outcomes: Outcome[],
  selection?: Partial<NonNullable<Results['selection']>>,
  actual = '',
) => {
  const cases = outcomes.map((outcome) => ({ outcome, actual }) as CaseResult)
  const whole = { suite: 9, optIn: 0, options: '', ...selection }
  return describeVerdict({ cases, verdict: verdict(cases), selection: whole })
}

t.test('the last line says which cases the verdict covers', async (t) => {
  t.equal(describe(['pass', 'pass']), 'conformant (2 of 9 cases)')
  t.equal(
    describe(['pass', 'not-applicable'], { optIn: 2 }),
    'conformant (1 of 9 cases; 2 opt-in cases of gigabytes not run: --all; 1 not applicable)',
  )
  t.equal(
    describe(['pass'], { options: '--role proxy --only W*', optIn: 2 }),
    'conformant (1 of 9 cases; selected by --role proxy --only W*)',
  )
  t.equal(
    describe(['pass', 'expected-fail', 'flaky']),
    'conformant except 2 known failures (3 of 9 cases)',
  )
  t.equal(
    describe(['fail', 'blocked', 'blocked']),
    'not conformant (1 of 9 cases; 2 blocked by failures: --all)',
  )
  t.equal(
    describe(['pass', 'not-run'], {}, 'the run was interrupted by SIGINT'),
    'undecided (1 of 9 cases; 1 not run: the run was interrupted by SIGINT)',
  )
})
