import { resolve } from 'node:path'
import type { Descriptor } from '../implementation/descriptor.ts'
import { packageVersion } from '../package-version.ts'
import { applyBaseline, type Baseline, checkBaseline } from './baseline.ts'
import { caseSet, type LoadedCase } from './loaded-cases.ts'
import { checkNeeds } from './needs.ts'
import { type CaseResult, count, type Results, verdict } from './result.ts'
import { runCases } from './runner.ts'
import { type Selection, select } from './select.ts'
import { checkPressure } from './surroundings.ts'

export interface ConformOptions extends Selection {
  /** All cases of the suite. */
  suite: readonly LoadedCase[]
  descriptor: Descriptor
  /** The descriptor's file; none for the reference. */
  implementation?: string
  /** The command that repeats this run, without the options that select cases. */
  command: string
  /** Cases at once. */
  jobs: number
  /** Runs of each case. */
  repeat: number
  /** Default: another one each time. */
  seed?: number
  /** Deadline of a case, in seconds. */
  timeout: number
  baseline?: Baseline
  /** Whether no case is blocked by the failure of another one. */
  unblocked?: boolean
  /** Begins no further case after as many have failed. */
  bail?: number
  /** Whether the daemons run on one processor, with random stops. */
  pressure?: boolean
  /** Interrupts the run; the reason is one phrase. */
  signal?: AbortSignal
  /** Only cases with these ids, if given. */
  ids?: readonly string[]
  onSelected(cases: number): void
  onResult(result: CaseResult): void
}

/**
 * Runs the selected cases against an implementation. Throws NothingSelected, BaselineError, and
 * HostError if this machine cannot run them or a daemon does not start.
 */
export async function conform(options: ConformOptions): Promise<Results> {
  const { descriptor, implementation, suite, baseline } = options
  if (baseline !== undefined) checkBaseline(baseline, suite)
  const cases = selectedCases(options)
  await checkNeeds(cases, options.jobs)
  if (options.pressure === true) checkPressure()
  options.onSelected(cases.length)
  const date = new Date().toISOString()
  const begin = performance.now()
  const seed = options.seed ?? Date.now() % 2 ** 31
  const judge = (ran: readonly CaseResult[]) =>
    baseline === undefined ? [...ran] : applyBaseline(ran, baseline)
  const onResult = (result: CaseResult) => judge([result]).forEach(options.onResult)
  const judged = judge(await run({ ...options, onResult }, cases, seed))
  return {
    tool: 'criu-remote-conformance',
    version: packageVersion(),
    implementation: descriptor.name,
    ...(implementation !== undefined && { descriptor: resolve(implementation) }),
    dialect: descriptor.dialect,
    date,
    seed,
    duration: Math.round(performance.now() - begin),
    selection: selectionOf(options, cases),
    ...(options.pressure === true && { pressure: true as const }),
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

/** Returns the size of the suite, and the options that left cases out. */
function selectionOf(
  { suite, role, level, only, ids }: ConformOptions,
  selected: readonly LoadedCase[],
): NonNullable<Results['selection']> {
  const isOptIn = ({ value }: LoadedCase) => value.optIn === true
  const isClient = ({ value }: LoadedCase) => value.role === 'client'
  const ofRole = suite.filter((each) => isClient(each) === (role === 'client'))
  const options = [
    ...(role === 'both' ? [] : [`--role ${role}`]),
    ...(level === 'all' ? [] : [`--level ${level}`]),
    ...only.map((glob) => `--only ${glob}`),
    ...(ids === undefined ? [] : ['--failed-from']),
  ]
  return {
    suite: ofRole.length,
    optIn: ofRole.filter(isOptIn).length - selected.filter(isOptIn).length,
    options: options.join(' '),
  }
}

/**
 * Runs the cases. Runs that write or read a baseline, or measure a rate, need the outcome of each
 * case, so no case is blocked in them.
 */
function run(
  options: ConformOptions,
  cases: readonly LoadedCase[],
  seed: number,
): Promise<CaseResult[]> {
  const { baseline, repeat, timeout, unblocked = false } = options
  const blocks = !unblocked && baseline === undefined && repeat === 1
  return runCases({ ...options, cases, seed, timeout: timeout * 1000, blocks })
}
