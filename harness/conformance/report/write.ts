import { mkdir, rm, writeFile } from 'node:fs/promises'
import type { Results } from '../result.ts'
import { junit } from './junit.ts'
import { site } from './site.ts'
import { tap } from './tap.ts'

/** Writes results.json and what is made from it: junit.xml, results.tap, index.html and a page per case. */
export async function writeReports(results: Results, directory: string): Promise<void> {
  await rm(`${directory}/cases`, { recursive: true, force: true })
  await mkdir(`${directory}/cases`, { recursive: true })
  const files = new Map([
    ['results.json', `${JSON.stringify(results, null, 2)}\n`],
    ['junit.xml', junit(results)],
    ['results.tap', tap(results)],
    ...site(results),
  ])
  await Promise.all([...files].map(([name, text]) => writeFile(`${directory}/${name}`, text)))
}
