import { mkdir, readdir, rm, writeFile } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { recordOf } from '../failure-record.ts'
import { isSound, type Results } from '../result.ts'
import type { Html } from './html.ts'
import { json } from './json.ts'
import { junit } from './junit.ts'
import { printableJson } from './printable-results.ts'
import { site } from './site.ts'
import { tap } from './tap.ts'

/*
 * A report replaces the files of an earlier report, and never those of anybody else: a directory
 * that holds files has to hold the marker as well. The check comes before the first case, since a
 * run of an hour must not end without its report.
 */

/** The file that marks a directory as made by a report. */
const MARKER = '.criu-remote-report'
const MARKER_TEXT = 'criu-remote made this directory, and replaces its report in the next run.\n'
/** The entries of a report. Nothing else in its directory is removed. */
const OWN = ['cases', 'traces', 'results.json', 'junit.xml', 'results.tap', 'index.html']

/**
 * Makes a directory for a report, if needed, and marks it. Throws an error of one line if it holds
 * files that no report made, or cannot be written.
 */
export async function prepareReport(directory: string): Promise<void> {
  try {
    await makeDirectory(resolve(directory))
    const entries = await readdir(directory)
    if (entries.length > 0 && !entries.includes(MARKER))
      throw new Error(
        `expected a directory that is new, empty or made by an earlier report, got one with ${entries[0]}`,
      )
    await writeFile(join(directory, MARKER), MARKER_TEXT)
  } catch (thrown) {
    throw new Error(`preparing the report in ${directory}: ${(thrown as Error).message}`)
  }
}

/**
 * Writes results.json and the reports that are made from it: junit.xml, results.tap, index.html, a
 * page for each case, and a record for each failure. The overview comes first in index.html. Throws
 * as prepareReport does.
 */
export async function writeReports(
  results: Results,
  directory: string,
  overview?: Html,
): Promise<void> {
  await prepareReport(directory)
  for (const name of OWN) await rm(join(directory, name), { recursive: true, force: true })
  for (const folder of ['cases', 'traces']) await mkdir(join(directory, folder))
  const failures = results.cases.filter((result) => !isSound(result))
  const files = new Map([
    ['results.json', json(results)],
    ['junit.xml', junit(results)],
    ['results.tap', tap(results)],
    ...site(results, overview),
    ...failures.map((result): [string, string] => [
      `traces/${result.id}.json`,
      printableJson(recordOf(result, results)),
    ]),
  ])
  await Promise.all([...files].map(([name, text]) => writeFile(join(directory, name), text)))
}

/**
 * Makes a directory with its parents, one at a time: Node's recursive mkdir never returns in a file
 * system that refuses new directories with ENOENT, such as /proc.
 */
async function makeDirectory(directory: string): Promise<void> {
  const parent = dirname(directory)
  if (parent !== directory && !(await exists(parent))) await makeDirectory(parent)
  await mkdir(directory).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error
  })
}

const exists = (directory: string): Promise<boolean> =>
  readdir(directory).then(
    () => true,
    (error: NodeJS.ErrnoException) => error.code !== 'ENOENT',
  )
