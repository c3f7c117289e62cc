import { resolve } from 'node:path'
import type { Descriptor } from '../implementation/descriptor.ts'
import { packageVersion } from '../package-version.ts'
import { applyBaseline, type Baseline, checkBaseline } from './baseline.ts'
import { caseSet, type LoadedCase } from './loaded-cases.ts'
import { type CaseResult, count, type Results, verdict } from './result.ts'
import { runCases } from './runner.ts'
import { type Selection, select } from './select.ts'

export interface ConformOptions extends Selection {
  /** All cases of the suite. */
  suite: readonly LoadedCase[]
  descriptor: Descriptor
  /** The descriptor's file, for the command that repeats a case; none for the reference. */
  implementation?: string
  /** Cases at once. */
  jobs: number
  /** Runs of each case. */
  repeat: number
  /** Default: another one each time. */
  seed?: number
  /** Deadline of a case, in seconds. */
  timeout: number
  baseline?: Baseline
  /** Only cases with these ids, if given. */
  ids?: readonly string[]
  onSelected(cases: number): void
  onResult(result: CaseResult): void
}

/**
 * Runs the selected cases against an implementation. Throws NothingSelected, BaselineError, and
 * HostError if a daemon does not start.
 */
export async function conform(options: ConformOptions): Promise<Results> {
  const { descriptor, implementation, suite, baseline } = options
  if (baseline !== undefined) checkBaseline(baseline, suite)
  const cases = selectedCases(options)
  options.onSelected(cases.length)
  const date = new Date().toISOString()
  const begin = performance.now()
  const seed = options.seed ?? Date.now() % 2 ** 31
  const ran = await run(options, cases, seed)
  const judged = baseline === undefined ? ran : applyBaseline(ran, baseline)
  return {
    tool: 'criu-remote-conformance',
    version: packageVersion(),
    implementation: descriptor.name,
    ...(implementation !== undefined && { descriptor: resolve(implementation) }),
    dialect: descriptor.dialect,
    date,
    seed,
    duration: Math.round(performance.now() - begin),
    caseSet: caseSet(suite),
    counts: count(judged),
    verdict: verdict(judged),
    cases: judged,
  }
}

function selectedCases(options: ConformOptions): LoadedCase[] {
  const { suite, ids } = options
  const among = ids === undefined ? suite : suite.filter(({ value }) => ids.includes(value.id))
  return select(among, options)
}

function run(
  { descriptor, implementation, jobs, repeat, timeout, onResult }: ConformOptions,
  cases: readonly LoadedCase[],
  seed: number,
): Promise<CaseResult[]> {
  const against = implementation === undefined ? '' : ` -i ${implementation}`
  const command = `criu-remote conform${against}`
  const options = { descriptor, cases, jobs, repeat, seed, command, onResult }
  return runCases({ ...options, timeout: timeout * 1000 })
}
