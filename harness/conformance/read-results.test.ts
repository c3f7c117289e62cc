import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import t from 'tap'
import { readResults } from './compare.ts'
import { readRecord, recordOf } from './failure-record.ts'
import { type CaseResult, count, type Results } from './result.ts'

const directory = mkdtempSync('/tmp/criu-remote-results-')
t.teardown(() => rmSync(directory, { recursive: true }))
const file = `${directory}/file.json`

const result: CaseResult = {
  id: 'proxy-read-back',
  group: 'proxy-local',
  clauses: ['L3'],
  level: 'must',
  role: 'proxy',
  about: 'An image is read back.',
  outcome: 'fail',
  what: 'the answer to a read',
  expected: [{ outcome: 'error 0', clause: 'L3' }],
  actual: 'error 2',
  trace: [{ at: 0.1, connection: 'link', direction: 'out', kind: 'open' }],
  signature: 'abc',
  seed: 2,
  runSeed: 1,
  duration: 3,
  passed: 0,
  runs: 1,
  repeat: 'criu-remote conform --only proxy-read-back --seed 1',
}
const results: Results = {
  tool: 'criu-remote-conformance',
  version: '1.2.3',
  implementation: 'other',
  descriptor: '/other.yaml',
  dialect: 'auto',
  date: '2026-01-02T03:04:05.678Z',
  seed: 1,
  duration: 4,
  caseSet: 'f',
  counts: count([result]),
  verdict: 'not conformant',
  cases: [result],
}

t.test('written results and records are read unchanged', async (t) => {
  writeFileSync(file, JSON.stringify(results))
  t.same(await readResults(file), results)
  const record = recordOf(result, results)
  writeFileSync(file, JSON.stringify(record))
  t.same(await readRecord(file), record)
})

for (const [text, message] of [
  ['{', /^reading results .*file\.json: .*JSON/],
  ['{}', /^reading results .*file\.json: tool: expected string, got nothing$/],
  [
    JSON.stringify({ ...results, cases: [{ ...result, outcome: 'green' }] }),
    /^reading results .*file\.json: cases\.0\.outcome: expected one of pass, fail/,
  ],
] as const) {
  t.test(`wrong results are an error of one line: ${text.slice(0, 20)}`, async (t) => {
    writeFileSync(file, text)
    await t.rejects(readResults(file), { message })
  })
}

t.test('a missing record and one with a wrong seed are errors of one line', async (t) => {
  await t.rejects(readRecord(`${directory}/none.json`), { message: /^reading record .*none\.json/ })
  writeFileSync(file, JSON.stringify({ ...recordOf(result, results), seed: 0.5 }))
  await t.rejects(readRecord(file), { message: /^reading record .*file\.json: seed: / })
})
