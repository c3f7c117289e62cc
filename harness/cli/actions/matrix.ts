import Table from 'cli-table3'
import { allCases } from '../../../scenarios/index.ts'
import type { LoadedCase } from '../../conformance/loaded-cases.ts'
import {
  type Cell,
  type Guilt,
  type Implementation,
  matrix as runMatrix,
} from '../../conformance/matrix.ts'
import type { Reason } from '../../conformance/matrix-part.ts'
import { matrixTable } from '../../conformance/report/matrix-table.ts'
import { printableJson } from '../../conformance/report/printable-results.ts'
import { select } from '../../conformance/select.ts'
import { localHost } from '../../hosts/local.ts'
import { readDescriptor } from '../../implementation/descriptor.ts'
import { referenceDescriptor } from '../../implementation/start.ts'
import { printable } from '../../printable.ts'
import { calledAs, shellLine } from '../called-as.ts'
import { Failure, fail } from '../failure.ts'
import { untilSignal } from '../signals.ts'
import { prepareReportIn, writeReportIn } from './verdict.ts'

/* `criu-remote matrix`: judges the pairs, prints a table or JSON, and writes the report. */

export interface MatrixFlags {
  reference?: true
  only: string[]
  jobs: number
  timeout: number
  report?: string
  json?: true
}

export async function matrix(files: string[], flags: MatrixFlags): Promise<void> {
  const { jobs, timeout, report, json } = flags
  const implementations = await readImplementations(files, flags)
  checkPairs(implementations)
  const suite = await selectedCases(flags)
  await prepareReportIn(report)
  const { cells, results } = await runMatrix({
    ...{ suite, implementations, jobs, timeout, onStep, signal: untilSignal() },
    command: commandOf('matrix', [...files, ...(flags.reference ? ['--reference'] : [])], flags),
  }).catch(fail(3))
  process.stdout.write(json ? `${printableJson(cells)}\n` : describe(cells))
  await writeReportIn(report, results, matrixTable(cells))
  endWithCells(cells)
}

const selectedCases = ({ only }: MatrixFlags): Promise<LoadedCase[]> =>
  Promise.resolve({ role: 'both', only, level: 'all' } as const)
    .then((selection) => select(allCases, selection))
    .catch(fail(2))

/** Reads the descriptors. Files tell implementations of one name apart. */
async function readImplementations(
  files: readonly string[],
  flags: MatrixFlags,
): Promise<Implementation[]> {
  const read = await Promise.all(files.map(readDescriptor)).catch(fail(2))
  const named = read.map((descriptor, at) => ({ descriptor, file: files[at] as string }))
  const names = [...(flags.reference ? ['reference'] : []), ...read.map(({ name }) => name)]
  const isUnique = (name: string) => names.filter((each) => each === name).length === 1
  const others = named.map(({ descriptor, file }) => ({
    descriptor,
    label: isUnique(descriptor.name) ? descriptor.name : `${descriptor.name} (${file})`,
    command: commandOf('conform', ['-i', file], flags),
  }))
  if (!flags.reference) return others
  const reference = {
    descriptor: referenceDescriptor(localHost()),
    label: 'reference',
    command: commandOf('conform', [], flags),
  }
  return [reference, ...others]
}

/** Returns a command that runs cases again, as the user calls it. */
function commandOf(command: string, words: readonly string[], { timeout }: MatrixFlags): string {
  return shellLine([...calledAs(), command, ...words, '--timeout', String(timeout)])
}

function checkPairs(implementations: readonly Implementation[]): void {
  const has = (role: 'proxy' | 'cache') =>
    implementations.some(({ descriptor }) => descriptor[role] !== undefined)
  if (!has('proxy') || !has('cache'))
    throw new Failure(2, 'running pairs: expected a proxy and a cache among the descriptors')
}

function onStep(step: string): void {
  if (process.stderr.isTTY) process.stderr.write(`${printable(step)}\n`)
}

function endWithCells(cells: readonly Cell[]): void {
  const having = (verdict: Cell['verdict']) =>
    cells.filter((cell) => cell.verdict === verdict).length
  const broken = having('not conformant')
  const undecided = having('undecided')
  if (broken > 0) throw new Failure(1, `${broken} of ${cells.length} pairs do not work`)
  if (undecided > 0) throw new Failure(3, `${undecided} of ${cells.length} pairs are undecided`)
}

function describe(cells: readonly Cell[]): string {
  const caches = [...new Set(cells.map(({ cache }) => cache))]
  const table = new Table({
    head: ['proxy \\ cache', ...caches.map(printable)],
    style: { head: [], border: [] },
  })
  for (const [proxy, row] of Map.groupBy(cells, (cell) => cell.proxy))
    table.push([printable(proxy), ...row.map(mark)])
  return [table.toString(), ...describeGuilty(cells), ...describePairs(cells), ''].join('\n')
}

function mark({ verdict, failed, guilty, judgedAlone }: Cell): string {
  if (guilty.length > 0)
    return [
      'pair not run',
      ...guilty.map(({ side, clause }) => `${side} is guilty: ${clause}`),
    ].join('\n')
  if (verdict === 'conformant') return 'pass'
  const sides = judgedAlone ? 'neither side fails alone' : 'the sides were not judged alone'
  return `${failed.length} fail\n${sides}`
}

/** Returns each guilty side with its simplest failure, once. */
function describeGuilty(cells: readonly Cell[]): string[] {
  const lines = cells.flatMap((cell) =>
    cell.guilty.map((guilt) => describeReason(sideOf(cell, guilt), guilt)),
  )
  return [...new Set(lines)]
}

const sideOf = (cell: Cell, { side }: Guilt) => `the ${side} of ${cell[side]} is not sound alone`

function describePairs(cells: readonly Cell[]): string[] {
  return cells.flatMap(({ proxy, cache, reason }) =>
    reason === undefined ? [] : [describeReason(`${proxy} with ${cache} does not work`, reason)],
  )
}

function describeReason(who: string, { case: id, outcome, clause, text, actual }: Reason): string {
  const cited = clause === '' ? [] : [`  ${clause}: ${text}`]
  return printable(
    [`${who}: ${outcome} ${id}`, ...cited, `  got: ${actual.split('\n')[0]}`].join('\n'),
  )
}
