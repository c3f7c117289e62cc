import Table from 'cli-table3'
import type { ZdtmResult } from '../agent-line.ts'
import type { Flavor } from '../plan.ts'

const FLAVORS: readonly Flavor[] = ['h', 'ns', 'uns']

/** Returns a table with a row for each test and a column for each flavor. */
export function tableOf(results: readonly ZdtmResult[]): string {
  const table = new Table({ head: ['test', ...FLAVORS], style: { head: [], border: [] } })
  for (const [name, rows] of Map.groupBy(results, (result) => result.name)) {
    const outcome = (flavor: Flavor) => rows.find((row) => row.flavor === flavor)?.outcome ?? ''
    table.push([name, ...FLAVORS.map(outcome)])
  }
  return table.toString()
}

/** Returns a line for each reason to skip tests, with their number, the most frequent first. */
export function describeSkips(results: readonly ZdtmResult[]): string {
  const skipped = results.filter(({ outcome }) => outcome === 'skipped')
  const byReason = Map.groupBy(skipped, ({ actual }) => actual ?? '')
  return [...byReason]
    .sort(([, a], [, b]) => b.length - a.length)
    .map(([reason, { length }]) => `skipped, ${length}: ${reason}\n`)
    .join('')
}
