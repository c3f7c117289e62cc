import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { chromium } from 'playwright-core'
import t from 'tap'
import { Parser } from 'tap-parser'
import { validateXML } from 'xmllint-wasm'
import { checkout } from '../../hosts/checkout.ts'
import { printable } from '../../printable.ts'
import { type CaseResult, count, type Outcome, type Results, verdict } from '../result.ts'
import { junit } from './junit.ts'
import { printableJson } from './printable-results.ts'
import { site } from './site.ts'
import { tap } from './tap.ts'
import { describeResults } from './text.ts'
import { writeReports } from './write.ts'

/* Reports of results with every outcome, and with texts that try to break out of their format. */

const HOSTILE =
  ']]>"\'&amp;<script>document.title="broken out"</script>\u0000\u001b[31m\u009b2J\u202e\ud800 # SKIP\n--- ...\n'

const outcomes: Outcome[] = [
  'pass',
  'fail',
  'warn',
  'not-applicable',
  'expected-fail',
  'flaky',
  'unexpected-pass',
  'blocked',
  'inconclusive',
  'not-run',
]
const cases = outcomes.map((outcome): CaseResult => {
  return {
    id: `case-${outcome}`,
    group: 'a-group',
    clauses: ['L3', 'W4'],
    level: 'must',
    role: 'proxy',
    about: `About ${HOSTILE}`,
    outcome,
    what: `What ${HOSTILE}`,
    expected: [{ outcome: `Expected ${HOSTILE}`, clause: 'L3' }],
    actual: `Actual ${HOSTILE}`,
    trace: [
      { at: 0.1, connection: 'client 1', direction: 'in', kind: 'open' },
      {
        at: 0.2,
        connection: 'client 1',
        direction: 'in',
        kind: 'bytes',
        size: 12,
        hex: '0800000a01611201311800',
        meaning: `read ${HOSTILE}`,
      },
      {
        at: 0.3,
        connection: 'client 1',
        direction: 'out',
        kind: 'bytes',
        size: 106,
        hex: '020000000800616263',
      },
      {
        at: 0.4,
        connection: 'link',
        direction: 'out',
        kind: 'bytes',
        size: 20,
        hex: '0a0000000a0161120131180120056162636465',
      },
      { at: 0.5, connection: 'client 1', direction: 'out', kind: 'end' },
    ],
    stderr: `Standard error ${HOSTILE}`,
    signature: 'abc',
    seed: 1,
    runSeed: 1,
    duration: 12,
    passed: outcome === 'pass' ? 1 : 0,
    runs: 1,
    repeat: 'criu-remote conform --only x --seed 1',
  }
})
const results: Results = {
  tool: 'criu-remote-conformance',
  version: '1.2.3',
  implementation: `Implementation ${HOSTILE}`,
  dialect: 'auto',
  date: '2026-01-02T03:04:05.678Z',
  seed: 1,
  duration: 1234,
  caseSet: 'f'.repeat(64),
  counts: count(cases),
  verdict: verdict(cases),
  cases,
}

t.test('junit.xml is valid and has each outcome', async (t) => {
  const xml = junit(results)
  const schema = readFileSync(`${checkout}/fixtures/junit.xsd`, 'utf8')
  const { valid, errors } = await validateXML({
    xml: [{ fileName: 'junit.xml', contents: xml }],
    schema: [schema],
  })
  t.ok(valid, JSON.stringify(errors.slice(0, 3)))
  t.match(xml, /tests="10" failures="2" errors="1"/)
  t.equal(xml.split('<failure').length - 1, 2)
  t.equal(xml.split('<error').length - 1, 1)
  t.equal(xml.split('<skipped').length - 1, 5)
  const { valid: wrong } = await validateXML({
    xml: [{ fileName: 'junit.xml', contents: xml.replace('classname=', 'class=') }],
    schema: [schema],
  })
  t.notOk(wrong, 'the schema finds a wrong attribute')
})

t.test('results.tap parses to the same counts', async (t) => {
  const parsed = Parser.parse(tap(results)) as [
    string,
    { ok?: boolean; skip?: unknown; todo?: unknown },
  ][]
  const points = parsed.filter(([kind]) => kind === 'assert').map(([, point]) => point)
  t.equal(points.length, 10)
  t.equal(points.filter(({ ok }) => !ok).length, 3)
  t.equal(points.filter(({ skip }) => skip).length, 3)
  t.equal(points.filter(({ todo }) => todo).length, 2)
  t.notOk(
    parsed.some(([kind]) => kind === 'extra'),
    'and no other lines',
  )
})

t.test('no report holds a control character of the implementation', async (t) => {
  const pages = [...site(results).values()]
  const json = printableJson(results)
  for (const text of [junit(results), tap(results), json, ...pages]) t.equal(printable(text), text)
  t.same(JSON.parse(json), results, 'and results.json loses none')
})

t.test('a terminal shows failures in full and the number of passes', async (t) => {
  const text = describeResults(results)
  t.notMatch(text, /case-pass/)
  t.match(
    text,
    /FAIL case-fail \(L3, W4; proxy\).*permitted:.*Expected.*got: Actual.*in use: The restore takes .*on the wire:.*error 0, then 100 bytes.*again: criu-remote conform/s,
  )
  t.match(text, /1 pass, 1 fail, 1 warn/)
  t.match(text, /\nnot conformant \(6 of 10 cases; [^\n]*\n$/)
})

t.test(
  'the pages show all results in a browser, and no text becomes HTML',
  { skip: browser() === undefined && 'this machine has no Chromium' },
  async (t) => {
    const directory = mkdtempSync('/tmp/criu-remote-report-')
    t.teardown(() => rmSync(directory, { recursive: true }))
    await writeReports(results, directory)
    const running = await chromium.launch({
      executablePath: browser() as string,
      args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking'],
    })
    t.teardown(() => running.close())
    const page = await running.newPage()
    const errors: string[] = []
    page.on('pageerror', (error) => errors.push(error.message))
    await page.goto(`file://${directory}/index.html`)
    t.match(await page.title(), /^Implementation .*: not conformant$/s)
    t.match(await page.locator('.verdict').textContent(), /^not conformant \(6 of 10 cases; /)
    t.equal(await page.locator('#L3 td').first().textContent(), 'L3', 'a row for each clause')
    t.match(await page.locator('.cause').first().textContent(), /in use\s*The restore takes /)
    await page.getByRole('link', { name: 'case-fail' }).first().click()
    t.match(await page.title(), 'case-fail: fail')
    t.equal(await page.locator('svg polygon').count(), 5, 'an arrow for each step')
    t.match(await page.locator('svg').textContent(), /reply: error 0, then 100 bytes/)
    t.equal(await page.locator('script').count(), 0)
    t.same(errors, [])
    t.ok(existsSync(`${directory}/traces/case-fail.json`))
  },
)

function browser(): string | undefined {
  return ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find((path) =>
    existsSync(path),
  )
}
