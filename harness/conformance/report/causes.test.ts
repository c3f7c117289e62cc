import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { chromium } from 'playwright-core'
import t from 'tap'
import { type CaseResult, count, type Results, verdict } from '../result.ts'
import { causesOf } from './causes.ts'
import { json } from './json.ts'
import { junit } from './junit.ts'
import { tap } from './tap.ts'
import { writeReports } from './write.ts'

/* A daemon with a hundred failures of a few causes. */

function resultOf(id: string, about: Partial<CaseResult>): CaseResult {
  return {
    id,
    group: 'a-group',
    clauses: ['L3'],
    level: 'must',
    role: 'cache',
    about: `About ${id}.`,
    outcome: 'fail',
    what: 'the answer to a read',
    expected: [{ outcome: 'error 0, 4096 bytes, and a close', clause: 'L3' }],
    actual: 'error 0 and 4096 bytes, and no close within 10 s',
    trace: [{ at: 1, connection: 'client 1', direction: 'in', kind: 'open' }],
    signature: 'no-close',
    seed: 1,
    runSeed: 1,
    duration: 10_000,
    passed: 0,
    runs: 1,
    repeat: `criu-remote conform --only ${id}`,
    ...about,
  }
}

const times = (number: number, make: (at: number) => CaseResult) =>
  Array.from({ length: number }, (_, at) => make(at))

const cases = [
  ...times(5, (at) => resultOf(`cache-pass-${at}`, { outcome: 'pass' })),
  ...times(20, (at) => resultOf(`cache-own-${at}`, { signature: `own-${at}` })),
  ...times(2, (at) => resultOf(`cache-warn-${at}`, { outcome: 'warn', signature: 'warn' })),
  ...times(37, (at) => resultOf(`cache-alike-${at}`, {})),
  resultOf('cache-read-held', {}),
  ...times(40, (at) =>
    resultOf(`cache-blocked-${at}`, {
      outcome: 'blocked',
      blockedBy: 'cache-read-held',
      actual: 'the more basic case cache-read-held failed',
    }),
  ),
]
const results: Results = {
  tool: 'criu-remote-conformance',
  version: '1.2.3',
  implementation: 'criu-like',
  dialect: 'criu-2017',
  date: '2026-01-02T03:04:05.678Z',
  seed: 1,
  duration: 60_000,
  caseSet: 'f'.repeat(64),
  counts: count(cases),
  verdict: verdict(cases),
  cases,
}

t.test('the most basic case of a cause comes first, with those that it blocks', async (t) => {
  const [cause, ...others] = causesOf(cases)
  t.equal(cause?.first.id, 'cache-read-held')
  t.equal(cause?.others.length, 37)
  t.equal(cause?.blocked.length, 40)
  t.equal(others.length, 21)
  t.equal(others.at(-1)?.first.outcome, 'warn', 'warnings are last')
})

t.test(
  'the case that is about the broken clause stands for a cause, the widest first',
  async (t) => {
    const wide = { role: 'proxy', expected: [{ outcome: 'one link', clause: 'W1' }] } as const
    const causes = causesOf([
      resultOf('pair-migration', { role: 'pair', signature: 'pair' }),
      resultOf('proxy-own', { signature: 'own' }),
      resultOf('fuzz-proxy', { ...wide, group: 'fuzz', clauses: ['W1'], signature: 'wide' }),
      resultOf('proxy-other', { ...wide, clauses: ['L3'], signature: 'wide' }),
      resultOf('proxy-also', { ...wide, clauses: ['W5', 'W1'], signature: 'wide' }),
      resultOf('proxy-one-link', { ...wide, clauses: ['W1', 'W2'], signature: 'wide' }),
    ])
    t.same(
      causes.map(({ first }) => first.id),
      ['proxy-one-link', 'pair-migration', 'proxy-own'],
    )
    t.same(
      causes[0]?.others.map(({ id }) => id),
      ['fuzz-proxy', 'proxy-also', 'proxy-other'],
    )
  },
)

t.test('results.json has one entry with a count for each cause', async (t) => {
  const { causes } = JSON.parse(json(results))
  t.equal(causes.length, 22)
  t.match(causes[0], { first: 'cache-read-held', signature: 'no-close', count: 38 })
  t.equal(causes[0].blocked.length, 40)
})

t.test(
  'junit.xml has the full text of a cause once, first, and skips what is blocked',
  async (t) => {
    const xml = junit(results)
    t.match(xml.match(/<testcase name="[^"]*/)?.[0], 'cache-read-held')
    t.equal(xml.split('37 other cases failed alike, 40 cases blocked by it').length - 1, 1)
    t.equal(xml.split('message="as cache-read-held: error 0').length - 1, 37)
    t.equal(xml.split('message="blocked: the more basic case cache-read-held').length - 1, 40)
    t.match(xml, /tests="105" failures="58" errors="0"/)
  },
)

t.test(
  'results.tap has the full text of a cause once, first, and skips what is blocked',
  async (t) => {
    const text = tap(results)
    t.match(text, /^TAP version 14\n1\.\.105\nnot ok 1 - cache-read-held /)
    t.equal(text.split('37 other cases failed alike').length - 1, 1)
    t.equal(text.split('alike: cache-read-held').length - 1, 37)
    t.equal(text.split(/^ok .* # SKIP the more basic case/m).length - 1, 40)
  },
)

const browser = ['/usr/bin/chromium', '/usr/bin/google-chrome'].find((path) => existsSync(path))

t.test(
  'the first page shows the root cause first, and few of the others',
  { skip: browser === undefined && 'this machine has no Chromium' },
  async (t) => {
    const directory = mkdtempSync('/tmp/criu-remote-report-')
    t.teardown(() => rmSync(directory, { recursive: true }))
    await writeReports(results, directory)
    const running = await chromium.launch({
      executablePath: browser as string,
      args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking'],
    })
    t.teardown(() => running.close())
    const page = await running.newPage()
    await page.goto(`file://${directory}/index.html`)
    const sections = page.locator('.cause')
    t.match(await sections.first().textContent(), /fail cache-read-held.*no close within 10 s/s)
    t.match(await sections.first().textContent(), /37 other cases failed alike, 40 cases blocked/)
    t.equal(await page.locator('.cause:visible').count(), 9, '8 failures and the warning')
    t.notOk(await sections.locator('a', { hasText: 'cache-alike-0' }).isVisible())
    t.match(await page.locator('h2').allTextContents(), ['Failures', 'Warnings', 'Clauses'])
    await page.goto(`file://${directory}/cases/cache-blocked-3.html`)
    await page.getByRole('link', { name: 'cache-read-held' }).click()
    t.match(await page.title(), 'cache-read-held: fail')
    t.equal(await page.getByRole('link', { name: /cache-alike-/ }).count(), 37)
  },
)
