import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import t from 'tap'
import { criuRemote } from '../testing/criu-remote.ts'
import { compare, labels } from './compare.ts'
import { type CaseResult, count, type Outcome, type Results } from './result.ts'

const directory = mkdtempSync('/tmp/criu-remote-compare-')
t.teardown(() => rmSync(directory, { recursive: true }))

function caseOf([id, outcome]: [string, Outcome]): CaseResult {
  return {
    id,
    outcome,
    group: 'group',
    clauses: ['L3'],
    level: 'must',
    role: 'proxy',
    about: 'About.',
    trace: [],
    seed: 1,
    runSeed: 1,
    duration: 1,
    passed: 0,
    runs: 1,
    repeat: 'criu-remote conform',
  }
}

function resultsOf(outcomes: Record<string, Outcome>, about: Partial<Results> = {}): Results {
  const cases = (Object.entries(outcomes) as [string, Outcome][]).map(caseOf)
  return {
    tool: 'criu-remote-conformance',
    version: '1.2.3',
    implementation: 'other',
    dialect: 'auto',
    date: '2026-01-02T03:04:05.678Z',
    seed: 1,
    duration: 4,
    caseSet: 'f',
    counts: count(cases),
    verdict: 'conformant',
    cases,
    ...about,
  }
}

const files = (...all: Results[]) => all.map((results, at) => ({ file: `${at}.json`, results }))

for (const [first, later, regression] of [
  ['pass', 'pass', false],
  ['pass', 'fail', true],
  ['pass', 'blocked', true],
  ['pass', 'flaky', true],
  ['pass', 'not-run', true],
  ['expected-fail', 'fail', true],
  ['fail', 'pass', false],
  ['fail', 'blocked', false],
] as const) {
  t.test(`${first} and then ${later} is ${regression ? 'a' : 'no'} regression`, async (t) => {
    t.match(compare(files(resultsOf({ a: first }), resultsOf({ a: later }))), [{ regression }])
  })
}

t.test('a case that vanished is a regression unless it is declared', async (t) => {
  const both = files(resultsOf({ a: 'pass', b: 'fail' }), resultsOf({ a: 'pass', c: 'fail' }))
  t.match(compare(both), [
    { id: 'a', outcomes: ['pass', 'pass'], regression: false, differs: false },
    { id: 'b', outcomes: ['fail', undefined], regression: true, differs: true },
    { id: 'c', outcomes: [undefined, 'fail'], regression: false, differs: true },
  ])
  t.match(compare(both, ['b'])[1], { id: 'b', regression: false, differs: true })
})

t.test('results that cannot be compared are an error', async (t) => {
  const some = resultsOf({ 'read-back': 'pass' })
  for (const [all, without, message] of [
    [files(resultsOf({}), some), [], /expected cases in 0\.json, got none/],
    [files(some, { ...some, tool: 'zdtm' }), [], /of criu-.* in 1\.json, got those of zdtm/],
    [files(some, some), ['readback'], /no results have case readback, is read-back meant\?/],
  ] as const)
    t.throws(() => compare(all, without), { message })
})

t.test('files tell implementations of one name apart', async (t) => {
  const old = resultsOf({ a: 'pass' })
  t.same(labels(files(old, old, { ...old, implementation: 'mine' })), [
    'other (0.json)',
    'other (1.json)',
    'mine',
  ])
})

t.test('the table has the cases that differ, and all with --all', async (t) => {
  const old = `${directory}/old.json`
  const now = `${directory}/now.json`
  writeFileSync(old, JSON.stringify(resultsOf({ same: 'pass', gone: 'pass' })))
  writeFileSync(now, JSON.stringify(resultsOf({ same: 'pass' }, { caseSet: 'g' })))
  const differing = await criuRemote(['compare', old, now])
  t.match(differing, { exitCode: 1, stdout: /gone.*pass.*-.*worse/, stderr: /1 case is worse/ })
  t.match(differing.stdout, /other \(.*old\.json\).*other \(.*now\.json\)/)
  t.match(differing.stdout, /the sets of cases differ.*\n1 of 2 cases shown/)
  t.notMatch(differing.stdout, /same/)
  const all = await criuRemote(['compare', old, now, '--all', '--without', 'gone'])
  t.match(all, { exitCode: 0, stdout: /gone.*same.*2 of 2 cases shown/s })
  for (const [cases, message] of [
    [null, /cases: expected array$/],
    [undefined, /cases: expected array, got nothing$/],
    [[null], /cases\.0: expected object$/],
    [[caseOf(['a', 'pass']), caseOf(['a', 'fail'])], /cases\.1: a is there twice$/],
    [[{ ...caseOf(['a', 'pass']), outcome: 'green' }], /cases\.0\.outcome: expected one of pass/],
  ] as const) {
    writeFileSync(now, JSON.stringify({ ...resultsOf({}), cases }))
    const wrong = await criuRemote(['compare', old, now])
    t.match(wrong, { exitCode: 2, stdout: '', stderr: message })
  }
})
