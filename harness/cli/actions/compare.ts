import Table from 'cli-table3'
import {
  compare as compareResults,
  labels,
  type ResultsFile,
  type Row,
  readResults,
} from '../../conformance/compare.ts'
import { printable } from '../../printable.ts'
import { Failure, fail } from '../failure.ts'

/* `criu-remote compare`: prints results side by side and fails on a regression. */

interface CompareFlags {
  all?: true
  regressions?: true
  without: string[]
  json?: true
}

export async function compare(
  names: string[],
  { all, regressions, without, json }: CompareFlags,
): Promise<void> {
  const read = async (file: string) => ({ file, results: await readResults(file) })
  const files = await Promise.all(names.map(read)).catch(fail(2))
  const rows = await Promise.resolve(files)
    .then(() => compareResults(files, without))
    .catch(fail(2))
  const worse = rows.filter(({ regression }) => regression)
  const shown = regressions ? worse : all ? rows : rows.filter(({ differs }) => differs)
  const text = json ? JSON.stringify(shown, null, 2) : describe(shown, rows.length, files)
  process.stdout.write(`${text}\n`)
  if (worse.length === 0) return
  const cases = worse.length === 1 ? 'case is' : 'cases are'
  throw new Failure(1, `${worse.length} ${cases} worse than in ${names[0]}`)
}

function describe(rows: readonly Row[], cases: number, files: readonly ResultsFile[]): string {
  const head = ['case', ...labels(files).map(printable), '']
  const table = new Table({ head, style: { head: [], border: [] } })
  for (const { id, outcomes, regression } of rows)
    table.push([
      printable(id),
      ...outcomes.map((outcome) => outcome ?? '-'),
      regression ? 'worse' : '',
    ])
  return [
    ...(rows.length > 0 ? [table.toString()] : []),
    ...describeSuites(files),
    `${rows.length} of ${cases} cases shown`,
  ].join('\n')
}

/** Says that the results are of different suites, in which one case may have two meanings. */
function describeSuites(files: readonly ResultsFile[]): string[] {
  const suites = new Set(files.map(({ results: { caseSet } }) => caseSet))
  const versions = new Set(files.map(({ results: { version } }) => version))
  if (suites.size === 1) return []
  return [
    `the sets of cases differ (versions of the suite: ${printable([...versions].join(', '))})`,
  ]
}
