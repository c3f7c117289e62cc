import Table from 'cli-table3'
import { usualCases } from '../../../scenarios/index.ts'
import { type Cell, matrix as runMatrix } from '../../conformance/matrix.ts'
import { localHost } from '../../hosts/local.ts'
import { readDescriptor } from '../../implementation/descriptor.ts'
import { referenceDescriptor } from '../../implementation/start.ts'
import { Failure, fail } from '../failure.ts'

/* `criu-remote matrix`: runs the pairs and prints a table or JSON. */

export interface MatrixFlags {
  reference?: true
  jobs: number
  timeout: number
  json?: true
}

export async function matrix(files: string[], flags: MatrixFlags): Promise<void> {
  const { reference, jobs, timeout, json } = flags
  const read = await Promise.all(files.map(readDescriptor)).catch(fail(2))
  const descriptors = reference ? [referenceDescriptor(localHost()), ...read] : read
  const cells = await runMatrix({ suite: usualCases, descriptors, jobs, timeout, onStep }).catch(
    fail(3),
  )
  process.stdout.write(json ? `${JSON.stringify(cells, null, 2)}\n` : `${describe(cells)}\n`)
  const broken = cells.filter(({ failed }) => failed.length > 0).length
  if (cells.length === 0)
    throw new Failure(2, 'running pairs: expected a proxy and a cache among the descriptors')
  if (broken > 0) throw new Failure(1, `${broken} of ${cells.length} pairs do not work`)
}

function onStep(step: string): void {
  if (process.stderr.isTTY) process.stderr.write(`${step}\n`)
}

function describe(cells: readonly Cell[]): string {
  const caches = [...new Set(cells.map(({ cache }) => cache))]
  const table = new Table({
    head: ['proxy \\ cache', ...caches],
    style: { head: [], border: [] },
  })
  for (const [proxy, row] of Map.groupBy(cells, (cell) => cell.proxy))
    table.push([proxy, ...row.map(mark)])
  return table.toString()
}

function mark({ failed, guilty }: Cell): string {
  if (failed.length === 0) return 'pass'
  const blame = guilty.length === 0 ? 'neither fails alone' : `guilty: ${guilty.join(', ')}`
  return `${failed.length} fail\n${blame}\n${failed.slice(0, 5).join('\n')}`
}
