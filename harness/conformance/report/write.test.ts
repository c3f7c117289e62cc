import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import t from 'tap'
import { criuRemote } from '../../testing/criu-remote.ts'
import { count, type Results } from '../result.ts'
import { prepareReport, writeReports } from './write.ts'

/* The directory of a report: files of others are neither replaced nor removed. */

const results: Results = {
  tool: 'criu-remote-conformance',
  version: '1.2.3',
  implementation: 'other',
  dialect: 'auto',
  date: '2026-01-02T03:04:05.678Z',
  seed: 1,
  duration: 4,
  caseSet: 'f',
  counts: count([]),
  verdict: 'undecided',
  cases: [],
}

const directory = mkdtempSync('/tmp/criu-remote-report-')
t.teardown(() => rmSync(directory, { recursive: true }))

t.test('a report is written into a new directory, an empty one, and again', async (t) => {
  const report = `${directory}/new/report`
  await prepareReport(report)
  await writeReports(results, report)
  writeFileSync(`${report}/cases/old.html`, '')
  writeFileSync(`${report}/notes`, 'mine')
  await prepareReport(report)
  await writeReports(results, report)
  t.ok(existsSync(`${report}/results.json`))
  t.notOk(existsSync(`${report}/cases/old.html`), 'the pages of the earlier report are gone')
  t.equal(readFileSync(`${report}/notes`, 'utf8'), 'mine', 'other files of it stay')
  mkdirSync(`${directory}/empty`)
  await writeReports(results, `${directory}/empty`)
  t.ok(existsSync(`${directory}/empty/index.html`))
})

t.test('a report leaves the files of others alone', async (t) => {
  const foreign = `${directory}/foreign`
  mkdirSync(`${foreign}/cases`, { recursive: true })
  writeFileSync(`${foreign}/cases/mine`, '')
  const message = /^preparing the report in .*foreign: expected .* got one with cases$/
  await t.rejects(prepareReport(foreign), { message })
  await t.rejects(writeReports(results, foreign), { message })
  t.same(readdirSync(foreign), ['cases'])
  t.ok(existsSync(`${foreign}/cases/mine`))
})

t.test('a link in the place of a report file is replaced, and its target stays', async (t) => {
  const report = `${directory}/linked`
  await prepareReport(report)
  writeFileSync(`${directory}/target`, 'mine')
  symlinkSync(`${directory}/target`, `${report}/results.json`)
  await writeReports(results, report)
  t.equal(readFileSync(`${directory}/target`, 'utf8'), 'mine')
  t.ok(lstatSync(`${report}/results.json`).isFile())
})

t.test('a place that cannot hold a report is an error of one line', async (t) => {
  writeFileSync(`${directory}/file`, '')
  for (const [place, reason] of [
    [`${directory}/file`, /ENOTDIR/],
    [`${directory}/file/below`, /ENOTDIR/],
    ['/proc/x/y', /ENOENT/],
    ['/proc/self', /expected a directory that is new/],
  ] as const) {
    const { message } = await prepareReport(place).catch((thrown) => thrown)
    t.match(message, reason, place)
    t.notMatch(message, /\n/)
  }
})

t.test('a run with a useless place for its report ends before the first case', async (t) => {
  for (const command of [
    ['conform', '--only', 'proxy-socket'],
    ['zdtm', 'run', '-t', 'static/env', '-f', 'h', '--kernel', 'host'],
  ]) {
    const { exitCode, stdout, stderr } = await criuRemote([...command, '--report', '/proc/x'])
    t.equal(exitCode, 2, command.join(' '))
    t.match(stderr, /^criu-remote: preparing the report in \/proc\/x: ENOENT.*\n?$/)
    t.equal(stdout, '')
  }
})
