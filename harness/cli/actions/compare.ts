import Table from 'cli-table3'
import { compare as compareResults, type Row, readResults } from '../../conformance/compare.ts'
import type { Results } from '../../conformance/result.ts'
import { Failure, fail } from '../failure.ts'

/* `criu-remote compare`: prints results side by side and fails on a regression. */

interface CompareFlags {
  regressions?: true
  json?: true
}

export async function compare(files: string[], { regressions, json }: CompareFlags): Promise<void> {
  const all = await Promise.all(files.map(readResults)).catch(fail(2))
  const rows = compareResults(all)
  const worse = rows.filter(({ regression }) => regression)
  const shown = regressions ? worse : rows
  process.stdout.write(`${json ? JSON.stringify(shown, null, 2) : describe(shown, all)}\n`)
  if (worse.length === 0) return
  const cases = worse.length === 1 ? 'case is' : 'cases are'
  throw new Failure(1, `${worse.length} ${cases} worse than in ${files[0]}`)
}

function describe(rows: readonly Row[], all: readonly Results[]): string {
  const head = ['case', ...all.map(({ implementation }) => implementation), '']
  const table = new Table({ head, style: { head: [], border: [] } })
  for (const { id, outcomes, regression } of rows)
    table.push([id, ...outcomes.map((outcome) => outcome ?? '-'), regression ? 'worse' : ''])
  return table.toString()
}
