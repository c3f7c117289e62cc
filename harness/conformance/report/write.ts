import { mkdir, rm, writeFile } from 'node:fs/promises'
import { recordOf } from '../failure-record.ts'
import { isSound, type Results } from '../result.ts'
import { junit } from './junit.ts'
import { printableJson } from './printable-results.ts'
import { site } from './site.ts'
import { tap } from './tap.ts'

/**
 * Writes results.json and the reports that are made from it: junit.xml, results.tap, index.html, a
 * page for each case, and a record for each failure.
 */
export async function writeReports(results: Results, directory: string): Promise<void> {
  for (const folder of ['cases', 'traces']) {
    await rm(`${directory}/${folder}`, { recursive: true, force: true })
    await mkdir(`${directory}/${folder}`, { recursive: true })
  }
  const failures = results.cases.filter((result) => !isSound(result))
  const files = new Map([
    ['results.json', `${printableJson(results)}\n`],
    ['junit.xml', junit(results)],
    ['results.tap', tap(results)],
    ...site(results),
    ...failures.map((result): [string, string] => [
      `traces/${result.id}.json`,
      printableJson(recordOf(result, results)),
    ]),
  ])
  await Promise.all([...files].map(([name, text]) => writeFile(`${directory}/${name}`, text)))
}
