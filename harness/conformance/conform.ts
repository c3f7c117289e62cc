import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { checkout } from '../hosts/checkout.ts'
import type { Descriptor } from '../implementation/descriptor.ts'
import { applyBaseline, type Baseline, checkBaseline } from './baseline.ts'
import { caseSet, type LoadedCase } from './loaded-cases.ts'
import { type CaseResult, count, type Results, verdict } from './result.ts'
import { runCases } from './runner.ts'
import { type Selection, select } from './select.ts'

export interface ConformOptions extends Selection {
  /** All cases of the suite, of which some are selected. */
  suite: readonly LoadedCase[]
  descriptor: Descriptor
  /** The descriptor's file, for the command that repeats a case. */
  implementation?: string
  jobs: number
  repeat: number
  seed?: number
  /** Deadline of a case, in seconds. */
  timeout: number
  baseline?: Baseline
  /** Only these ids, where given. */
  ids?: readonly string[]
  onSelected(cases: number): void
  onResult(result: CaseResult): void
}

/** Runs the suite against an implementation. Throws NothingSelected, or HostError where a daemon does not start. */
export async function conform(options: ConformOptions): Promise<Results> {
  const {
    descriptor,
    implementation,
    jobs,
    repeat,
    timeout,
    seed = Date.now() % 2 ** 31,
    onResult,
  } = options
  const { suite, baseline, ids } = options
  if (baseline !== undefined) checkBaseline(baseline, suite)
  const cases = select(
    ids === undefined ? suite : suite.filter(({ value }) => ids.includes(value.id)),
    options,
  )
  options.onSelected(cases.length)
  const date = new Date().toISOString()
  const begin = performance.now()
  const command = `criu-remote conform${implementation === undefined ? '' : ` -i ${implementation}`}`
  const ran = await runCases({
    descriptor,
    cases,
    jobs,
    repeat,
    seed,
    timeout: timeout * 1000,
    command,
    onResult,
  })
  const results = baseline === undefined ? ran : applyBaseline(ran, baseline)
  return {
    tool: 'criu-remote-conformance',
    version: JSON.parse(readFileSync(`${checkout}/package.json`, 'utf8')).version,
    implementation: descriptor.name,
    ...(implementation !== undefined && { descriptor: resolve(implementation) }),
    dialect: descriptor.dialect,
    date,
    seed,
    duration: Math.round(performance.now() - begin),
    caseSet: caseSet(suite),
    counts: count(results),
    verdict: verdict(results),
    cases: results,
  }
}
