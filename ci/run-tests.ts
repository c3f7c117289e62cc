import { createReadStream, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { execa } from 'execa'
import { Parser, type Result } from 'tap-parser'
import { bundle } from '../harness/hosts/bundle.ts'
import { cacheDirectory } from '../harness/hosts/checkout.ts'
import { type Shard, type Tier, testFiles } from './test-files.ts'

/*
 * `npm test`: runs tap, keeps its stream in report/tests.tap, and ends with a line for the tier and
 * the line `N passed, N failed`, which tap's own reporters do not have. The counts are the calls of
 * t.test() in the files; a file that breaks without a failed test is one failure. esbuild bundles
 * the reference's daemons first, since the tests start them thousands of times.
 */

const HELP = `usage: ci/test [--all] [--shard K/N] [FILE...]

Runs the tests. The usual tier runs each program, fault and oddity once; --all runs every combination.

  --all         run every combination: about an hour on two cores
  --shard K/N   run part K of N; the N parts together run every test file exactly once
  FILE...       run these test files only

docs/contributing.md has the table of tiers. The last line is "N passed, N failed[, N skipped]".
`
const RESULTS = 'report/tests.tap'
const LEFT = /^\s*# left to --all: (\d+) (.*)$/gm

const { tier, files, unknown } = parse(process.argv.slice(2))
if (unknown === '--help') {
  process.stdout.write(HELP)
  process.exit(0)
}
if (unknown !== undefined) {
  process.stderr.write(`ci/test: unknown option ${unknown}; see ci/test --help\n`)
  process.exit(2)
}
const exitCode = await runTap()
const { passed, failed, skipped } = await count(RESULTS)
process.stdout.write(`\n${describeTier()}\n${describeCounts()}\n`)
process.exitCode = failed > 0 || passed === 0 ? 1 : exitCode

function parse(words: readonly string[]): { tier: Tier; files: string[]; unknown?: string } {
  const tier = words.includes('--all') ? 'all' : 'usual'
  const at = words.indexOf('--shard')
  const [, part, of] = at === -1 ? [] : (/^(\d+)\/(\d+)$/.exec(words[at + 1] ?? '') ?? [])
  const shard: Shard | undefined = part === undefined ? undefined : { part: +part, of: Number(of) }
  const rest = words.filter(
    (word, index) => word !== '--all' && (at === -1 || index < at || index > at + 1),
  )
  const isWrong = at !== -1 && (shard === undefined || shard.part < 1 || shard.part > shard.of)
  const unknown = isWrong ? '--shard, which takes K/N' : rest.find((word) => word.startsWith('-'))
  if (unknown !== undefined) return { tier, files: [], unknown }
  return { tier, files: rest.length > 0 ? rest : testFiles(tier, shard) }
}

async function runTap(): Promise<number> {
  for (const directory of ['report', cacheDirectory]) mkdirSync(directory, { recursive: true })
  rmSync(RESULTS, { force: true })
  await execa('tap', ['build'], { preferLocal: true })
  const bundled = mkdtempSync(`${cacheDirectory}/bundle-`)
  try {
    const { environment } = await bundle([], bundled)
    const terminal = process.stdout.isTTY
    const options = terminal ? ['--output-file', RESULTS] : []
    const { exitCode } = await execa('tap', [...options, ...files], {
      preferLocal: true,
      env: { ...environment, CRIU_REMOTE_TIER: tier },
      stdin: 'ignore',
      stdout: terminal ? 'inherit' : ['inherit', { file: RESULTS }],
      stderr: 'inherit',
      buffer: false,
      reject: false,
    })
    return exitCode ?? 1
  } finally {
    rmSync(bundled, { recursive: true, force: true })
  }
}

/** Counts the tests of a TAP stream, in which each test file is one result with its own tests. */
async function count(file: string) {
  const totals = { passed: 0, failed: 0, skipped: 0 }
  let failedInFile = 0
  const parser = new Parser()
  parser.on('child', (testFile: Parser) => {
    failedInFile = 0
    testFile.on('assert', (test: Result) => {
      totals[test.skip ? 'skipped' : test.ok ? 'passed' : 'failed']++
      if (!test.ok && !test.skip) failedInFile++
    })
  })
  parser.on('assert', ({ ok }: Result) => {
    // A file that breaks before, between or after its tests.
    if (!ok && failedInFile === 0) totals.failed++
    failedInFile = 0
  })
  const stream = createReadStream(file)
  await new Promise((resolve, reject) =>
    stream.on('error', reject).pipe(parser).on('finish', resolve),
  )
  return totals
}

function describeTier(): string {
  const left = [...readFileSync(RESULTS, 'utf8').matchAll(LEFT)]
  const total = left.reduce((sum, [, tests]) => sum + Number(tests), 0)
  if (tier === 'all') return 'tier: all, every combination'
  const parts = left.map(([, tests, description]) => `${tests} ${description}`).join('; ')
  return `tier: usual; --all adds ${total} tests${total > 0 ? `: ${parts}` : ''}`
}

function describeCounts(): string {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`
}
