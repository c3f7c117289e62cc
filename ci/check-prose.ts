import { existsSync, readFileSync } from 'node:fs'
import { execa } from 'execa'

/*
 * `npm run check`: rules about prose and pages that no other tool checks.
 *
 * - The folder table of README.md names every folder of the repository, and no other.
 * - A line of prose, in a page or a comment, has at most 100 columns. Tables and code are exempt.
 * - Prose names its subject with a noun: few of its words are pronouns that take the noun's
 *   place, at most LIMIT in 1,000.
 */

const COLUMNS = 100
/** The rate of the codebases that this project takes as models. */
const LIMIT = 0.6

const HEADLESS = /\b(what|whatever|whoever)\b/gi
/** Pages that are generated from code, whose texts are checked there. */
const GENERATED = [
  'docs/clauses.md',
  'docs/grid.md',
  'docs/kill-matrix.md',
  'docs/architectures.md',
]

const { stdout } = await execa('git', ['ls-files', '--cached', '--others', '--exclude-standard'])
const files = stdout
  .split('\n')
  .filter((file) => /\.(md|ts|c|h|sh|proto|py)$/.test(file) && existsSync(file))
const prose = files.map((file) => ({ file, lines: proseOf(file, readFileSync(file, 'utf8')) }))

const problems = [...tableProblems(), ...prose.flatMap(longLines), ...rateProblem()]
for (const problem of problems) process.stdout.write(`${problem}\n`)
process.exitCode = problems.length > 0 ? 1 : 0

interface Line {
  number: number
  text: string
}

/** Returns the lines of comments, or of a page without its code and tables. */
function proseOf(file: string, text: string): Line[] {
  const lines = text.split('\n').map((line, index) => ({ number: index + 1, text: line }))
  if (file.endsWith('.md')) return pageLines(lines)
  const isComment = /\.(sh|py)$/.test(file) ? /^\s*#/ : /^\s*(\/\*|\*|\/\/)/
  return lines.filter((line) => isComment.test(line.text))
}

function pageLines(lines: readonly Line[]): Line[] {
  let inFence = false
  return lines.filter(({ text }) => {
    if (text.startsWith('```')) inFence = !inFence
    return !inFence && !/^(\||```| {4}|<!--|\t)/.test(text)
  })
}

function longLines({ file, lines }: { file: string; lines: readonly Line[] }): string[] {
  if (GENERATED.includes(file)) return []
  return lines
    .filter(({ text }) => text.length > COLUMNS && !/https?:|biome-ignore|\]\([^)]*\)$/.test(text))
    .map(({ number, text }) => `${file}:${number}: expected ${COLUMNS} columns, got ${text.length}`)
}

function rateProblem(): string[] {
  const text = prose.flatMap(({ lines }) => lines.map(withoutCode)).join('\n')
  const words = text.match(/[a-z']{2,}/gi)?.length ?? 0
  const found = text.match(HEADLESS)?.length ?? 0
  const rate = (found * 1000) / words
  const measured = `"what" ${found} times in ${words} words of prose, ${rate.toFixed(2)} in 1,000`
  if (rate <= LIMIT) return []
  return [`${measured}: expected at most ${LIMIT}`, ...prose.flatMap(places)]
}

/** Returns a line without its identifiers in backticks. */
function withoutCode({ text }: Line): string {
  return text.replace(/`[^`]*`/g, '')
}

function places({ file, lines }: { file: string; lines: readonly Line[] }): string[] {
  return lines
    .filter((line) => withoutCode(line).match(HEADLESS))
    .map(({ number, text }) => `${file}:${number}: ${text.trim()}`)
}

function tableProblems(): string[] {
  const named = [...readFileSync('README.md', 'utf8').matchAll(/^\| \[([\w-]+)\/\]/gm)]
  const table = named.map(([, folder]) => folder)
  const folders = new Set(stdout.split('\n').flatMap((file) => /^([\w-]+)\//.exec(file)?.[1] ?? []))
  return [
    ...[...folders].filter((folder) => !table.includes(folder)).map(missing),
    ...table.filter((folder) => !folders.has(folder as string)).map(unknown),
  ]
}

function missing(folder: string): string {
  return `README.md: expected the folder table to name ${folder}/`
}

function unknown(folder: string | undefined): string {
  return `README.md: ${folder}/ is not a folder`
}
