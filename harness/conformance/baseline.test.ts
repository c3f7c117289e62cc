import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import t from 'tap'
import {
  applyBaseline,
  BaselineError,
  checkBaseline,
  readBaseline,
  writeBaseline,
} from './baseline.ts'
import type { CaseResult, Outcome } from './result.ts'
import { count, exitCode, verdict } from './result.ts'

const directory = mkdtempSync('/tmp/criu-remote-baseline-')
t.teardown(() => rmSync(directory, { recursive: true }))

const result = (id: string, outcome: Outcome, signature = 'aaa'): CaseResult => ({
  id,
  group: 'g',
  clauses: ['L3'],
  level: 'must',
  role: 'proxy',
  about: '',
  outcome,
  trace: [],
  signature,
  seed: 1,
  runSeed: 1,
  duration: 1,
  passed: 0,
  runs: 1,
  repeat: '',
})
const entry = (of: string, expires = '2030-01-01') => ({
  case: of,
  signature: 'aaa',
  reason: 'known',
  expires,
})
const judge = (results: CaseResult[], ...entries: ReturnType<typeof entry>[]) =>
  applyBaseline(results, { entries }, '2026-06-01').map(({ outcome }) => outcome)

t.test('only the same failure is expected, and only until its entry expires', async (t) => {
  t.same(judge([result('a', 'fail')], entry('a')), ['expected-fail'])
  t.same(judge([result('a', 'fail', 'bbb')], entry('a')), ['fail'], 'another failure')
  t.same(judge([result('a', 'fail')], entry('a', '2026-05-31')), ['fail'], 'expired')
  t.same(judge([result('a', 'pass')], entry('a')), ['unexpected-pass'], 'stale')
  t.same(judge([result('b', 'fail')], entry('a')), ['fail'], 'another case')
  t.same(
    judge([result('a', 'inconclusive')], entry('a')),
    ['inconclusive'],
    'trouble of the harness is not a failure',
  )
})

t.test('a flaky case may pass, or fail with a declared signature, and nothing else', async (t) => {
  const flaky = { ...entry('a'), flaky: '3/20' }
  const outcomes = (...results: CaseResult[]) => judge(results, flaky)
  t.same(outcomes(result('a', 'pass'), result('a', 'fail')), ['pass', 'flaky'])
  t.same(outcomes(result('a', 'fail', 'bbb')), ['fail'])
  t.same(outcomes({ ...result('a', 'fail'), signatures: ['aaa', 'bbb'] }), ['fail'])
  t.same(outcomes(result('a', 'inconclusive')), ['inconclusive'])
  t.same(judge([result('a', 'pass')], { ...flaky, expires: '2026-05-31' }), ['unexpected-pass'])
  const some = { ...result('a', 'fail'), passed: 1, runs: 2 }
  t.same(judge([some], entry('a')), ['fail'], 'a failure that is not declared flaky')
  t.equal(verdict(applyBaseline([result('a', 'fail')], { entries: [flaky] })), 'conformant')
})

t.test('a case that failed in some runs is written as flaky, with its rate', async (t) => {
  const file = `${directory}/flaky.yaml`
  const some = { ...result('a', 'fail'), signatures: ['aaa', 'bbb'], passed: 17, runs: 20 }
  t.equal(await writeBaseline(file, [some, result('b', 'fail')]), 3)
  const { entries } = await readBaseline(file)
  t.match(entries, [
    { case: 'a', signature: 'aaa', flaky: '3/20' },
    { case: 'a', signature: 'bbb', flaky: '3/20' },
    { case: 'b', flaky: undefined },
  ])
})

t.test('an entry for an unknown case is an error', async (t) => {
  t.throws(() => checkBaseline({ entries: [entry('gone')] }, []), BaselineError)
})

t.test('a written baseline can be read and holds', async (t) => {
  const file = `${directory}/b.yaml`
  const results = [result('a', 'fail'), result('b', 'pass')]
  t.equal(await writeBaseline(file, results), 1)
  t.same(
    applyBaseline(results, await readBaseline(file)).map(({ outcome }) => outcome),
    ['expected-fail', 'pass'],
  )
})

for (const [text, message] of [
  ['entries: [{case: a}]', /entries\.0.*signature/],
  ['entries: [{case: a, signature: b, reason: c, expires: soon}]', /entries\.0\.expires/],
  ['entries: [', /parsing baseline/],
] as const) {
  t.test(`a wrong baseline is an error that names the key: ${text}`, async (t) => {
    writeFileSync(`${directory}/w.yaml`, text)
    await t.rejects(readBaseline(`${directory}/w.yaml`), { name: 'BaselineError', message })
  })
}

t.test('a case that did not run is never a pass of the implementation', async (t) => {
  const of = (...outcomes: Outcome[]) =>
    exitCode[verdict(outcomes.map((outcome) => result('a', outcome)))]
  t.equal(of('pass', 'warn', 'not-applicable', 'expected-fail'), 0)
  t.equal(of('pass', 'fail', 'inconclusive'), 1)
  t.equal(of('pass', 'unexpected-pass'), 1)
  t.equal(of('pass', 'inconclusive'), 3)
  t.equal(of('pass', 'not-run'), 3)
  t.equal(of('pass', 'blocked'), 3)
  t.equal(of('not-applicable'), 3)
  t.equal(of(), 3)
  t.match(count([result('a', 'fail'), result('b', 'fail')]), { fail: 2, pass: 0 })
})
