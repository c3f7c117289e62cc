import { type Command, Option } from 'commander'
import type { Cell } from '../conformance/matrix.ts'
import { Failure, fail } from './failure.ts'
import { whole } from './values.ts'

/* `criu-remote matrix`: every proxy with every cache. */

interface MatrixFlags {
  reference?: true
  jobs: number
  timeout: number
  json?: true
}

export function addMatrix(program: Command): void {
  program
    .command('matrix')
    .summary('judge pairs: every proxy with every cache of several implementations')
    .description(
      'Runs the cases for pairs on every proxy with every cache of the descriptors. Where a pair fails, each side is judged alone, and the guilty one named.',
    )
    .argument('<descriptors...>', 'descriptors of implementations')
    .option('--reference', 'the reference as well')
    .addOption(new Option('--jobs <n>', 'cases at once').argParser(whole(1)).default(2))
    .addOption(
      new Option('--timeout <s>', 'deadline of a case, in seconds').argParser(whole(1)).default(10),
    )
    .option('--json', 'as JSON')
    .addHelpText(
      'after',
      '\nExit codes: 0 all pairs work, 1 some do not, 2 wrong usage, 3 a daemon did not start.',
    )
    .action(act)
}

async function act(
  files: string[],
  { reference, jobs, timeout, json }: MatrixFlags,
): Promise<void> {
  const { matrix } = await import('../conformance/matrix.ts')
  const { readDescriptor } = await import('../implementation/descriptor.ts')
  const { referenceDescriptor } = await import('../implementation/start.ts')
  const { localHost } = await import('../hosts/local.ts')
  const read = await Promise.all(files.map(readDescriptor)).catch(fail(2))
  const descriptors = reference ? [referenceDescriptor(localHost()), ...read] : read
  const onStep = (what: string) => process.stderr.isTTY && process.stderr.write(`${what}\n`)
  const { usualCases: suite } = await import('../../scenarios/index.ts')
  const cells = await matrix({ suite, descriptors, jobs, timeout, onStep }).catch(fail(3))
  process.stdout.write(json ? `${JSON.stringify(cells, null, 2)}\n` : `${await describe(cells)}\n`)
  const broken = cells.filter(({ failed }) => failed.length > 0).length
  if (cells.length === 0)
    throw new Failure(2, 'running pairs: expected a proxy and a cache among the descriptors')
  if (broken > 0) throw new Failure(1, `${broken} of ${cells.length} pairs do not work`)
}

async function describe(cells: readonly Cell[]): Promise<string> {
  const { default: Table } = await import('cli-table3')
  const caches = [...new Set(cells.map(({ cache }) => cache))]
  const table = new Table({ head: ['proxy \\ cache', ...caches], style: { head: [], border: [] } })
  for (const [proxy, row] of Map.groupBy(cells, (cell) => cell.proxy))
    table.push([proxy, ...row.map(mark)])
  return table.toString()
}

function mark({ failed, guilty }: Cell): string {
  if (failed.length === 0) return 'pass'
  return `${failed.length} fail\n${guilty.length === 0 ? 'neither fails alone' : `guilty: ${guilty.join(', ')}`}\n${failed.slice(0, 5).join('\n')}`
}
