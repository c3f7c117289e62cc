import { createReadStream, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { execa } from 'execa'
import { Parser, type Result } from 'tap-parser'
import { bundle } from '../harness/hosts/bundle.ts'
import { cacheDirectory } from '../harness/hosts/checkout.ts'

/*
 * `npm test`: runs tap, keeps its stream in report/tests.tap, and ends with the line `N passed, N failed`, which tap's
 * own reporters do not have. The reference's daemons, of which the tests start thousands, are bundled for it.
 * What counts is a test of a file, that is, one t.test(); a file that breaks
 * without a failed test counts as one failure.
 */

const RESULTS = 'report/tests.tap'

mkdirSync('report', { recursive: true })
mkdirSync(cacheDirectory, { recursive: true })
rmSync(RESULTS, { force: true })
await execa('tap', ['build'], { preferLocal: true })
const bundled = mkdtempSync(`${cacheDirectory}/bundle-`)
const { environment } = await bundle([], bundled)
const terminal = process.stdout.isTTY
const { exitCode } = await execa(
  'tap',
  [...(terminal ? ['--output-file', RESULTS] : []), ...process.argv.slice(2)],
  {
    preferLocal: true,
    env: environment,
    stdin: 'ignore',
    stdout: terminal ? 'inherit' : ['inherit', { file: RESULTS }],
    stderr: 'inherit',
    buffer: false,
    reject: false,
  },
)
rmSync(bundled, { recursive: true, force: true })
const { passed, failed, skipped } = await count(RESULTS)
const skips = skipped > 0 ? `, ${skipped} skipped` : ''
process.stdout.write(`\n${passed} passed, ${failed} failed${skips}\n`)
process.exitCode = failed > 0 ? 1 : (exitCode ?? 1)

async function count(file: string) {
  const totals = { passed: 0, failed: 0, skipped: 0 }
  const parser = new Parser()
  parser.on('child', (testFile: Parser) => {
    const tests: Result[] = []
    testFile.on('assert', (test: Result) => tests.push(test))
    testFile.on('complete', ({ ok }: { ok: boolean }) => {
      for (const test of tests) totals[test.skip ? 'skipped' : test.ok ? 'passed' : 'failed']++
      if (!ok && tests.every((test) => test.ok)) totals.failed++
    })
  })
  await new Promise((resolve, reject) =>
    createReadStream(file).on('error', reject).pipe(parser).on('finish', resolve),
  )
  return totals
}
