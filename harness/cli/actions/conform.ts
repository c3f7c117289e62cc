import { allCases } from '../../../scenarios/index.ts'
import {
  type Baseline,
  BaselineError,
  readBaseline,
  writeBaseline,
} from '../../conformance/baseline.ts'
import { readResults } from '../../conformance/compare.ts'
import { conform } from '../../conformance/conform.ts'
import { readRecord } from '../../conformance/failure-record.ts'
import { showVerdict } from '../../conformance/report/progress.ts'
import { isSound, type Results } from '../../conformance/result.ts'
import { NothingSelected, type SelectedRole } from '../../conformance/select.ts'
import type { Descriptor } from '../../implementation/descriptor.ts'
import { calledAs, shellLine } from '../called-as.ts'
import { Failure, fail } from '../failure.ts'
import { untilSignal } from '../signals.ts'
import { givenImplementation } from './given-implementation.ts'
import { endWithVerdict, prepareReportIn, writeReportIn } from './verdict.ts'

/* `criu-remote conform` and `replay`. */

/** Deadline of a case, in seconds, unless the user gives another. */
const DEFAULT_TIMEOUT = 10

export interface ConformFlags {
  implementation?: string
  /** Default: the role of the descriptor. */
  role?: SelectedRole
  only: string[]
  level: 'must' | 'should' | 'all'
  all?: true
  jobs: number
  repeat: number
  bail?: number
  seed?: number
  timeout: number
  pressure?: true
  baseline?: string
  writeBaseline?: string
  failedFrom?: string
  report?: string
}

export async function conformAll(flags: ConformFlags): Promise<void> {
  const { baseline: file, failedFrom, ...rest } = flags
  const baseline = file === undefined ? undefined : await readBaseline(file).catch(fail(2))
  const ids = failedFrom === undefined ? undefined : await idsOfFailures(failedFrom)
  await prepareReportIn(flags.report)
  const results = await runAndShow({
    ...rest,
    command: commandOf(flags),
    ...(baseline && { baseline }),
    ...(ids && { ids }),
  })
  await writeReportIn(flags.report, results)
  if (flags.writeBaseline !== undefined) await writeBaselineTo(flags.writeBaseline, results)
  endWithVerdict(results)
}

export async function replay(
  file: string,
  { implementation }: { implementation?: string },
): Promise<void> {
  const record = await readRecord(file).catch(fail(2))
  const descriptor = implementation ?? record.descriptor
  const named = {
    ...(descriptor !== undefined && { implementation: descriptor }),
    ...(record.pressure && { pressure: record.pressure }),
  }
  const results = await runAndShow({
    ...{ role: roleOfCase(record.case), only: [record.case], level: 'all' },
    ...{ jobs: 1, repeat: 1, seed: record.seed, timeout: DEFAULT_TIMEOUT },
    command: commandOf({ role: roleOfCase(record.case), timeout: DEFAULT_TIMEOUT, ...named }),
    ...named,
  })
  const [again] = results.cases
  const same = again?.signature === record.signature && again?.outcome === record.outcome
  const before = `${record.outcome} (${record.signature})`
  const now = `${again?.outcome} (${again?.signature ?? 'no failure'})`
  process.stdout.write(
    same ? 'it failed in the same way\n' : `it was ${before}, now it is ${now}\n`,
  )
  endWithVerdict(results)
}

/** The options of the command that repeats a case of this run. */
type RepeatedFlags = Pick<
  ConformFlags,
  'implementation' | 'role' | 'timeout' | 'pressure' | 'baseline'
>

/** Returns the command that repeats a case of this run, as the user calls it. */
function commandOf({ implementation, role, timeout, pressure, baseline }: RepeatedFlags): string {
  const option = (name: string, value: string | number | undefined, usual?: string | number) =>
    value === undefined || value === usual ? [] : [name, String(value)]
  return shellLine([
    ...calledAs(),
    'conform',
    ...option('-i', implementation),
    ...option('--role', role, 'both'),
    ...option('--timeout', timeout, DEFAULT_TIMEOUT),
    ...(pressure ? ['--pressure'] : []),
    ...option('--baseline', baseline),
  ])
}

type RunFlags = Omit<ConformFlags, 'baseline' | 'failedFrom'> & {
  command: string
  baseline?: Baseline
  ids?: readonly string[]
}

async function runAndShow(flags: RunFlags): Promise<Results> {
  const descriptor = await givenImplementation(flags.implementation)
  const role = flags.role ?? roleOf(descriptor)
  if (role === 'client' && descriptor.client === undefined)
    throw new Failure(2, 'judging a client: expected a descriptor with `client` (-i FILE)')
  const show = showVerdict(process.stderr.isTTY)
  const results = await conform({
    ...{ ...flags, role },
    signal: untilSignal(),
    unblocked: flags.all === true || flags.writeBaseline !== undefined,
    suite: allCases,
    descriptor,
    onResult: show.progress,
    onSelected: show.begin,
  }).catch((thrown) => fail(isWrongUsage(thrown) ? 2 : 3)(thrown))
  show.end(results)
  return results
}

/** Returns the role to judge if the user names none. */
function roleOf({ proxy, cache, client }: Descriptor): SelectedRole {
  return client !== undefined && proxy === undefined && cache === undefined ? 'client' : 'both'
}

function roleOfCase(id: string): SelectedRole {
  const found = allCases.find(({ value }) => value.id === id)
  return found?.value.role === 'client' ? 'client' : 'both'
}

const isWrongUsage = (thrown: unknown) =>
  thrown instanceof NothingSelected || thrown instanceof BaselineError

async function idsOfFailures(file: string): Promise<string[]> {
  const { cases } = await readResults(file).catch(fail(2))
  return cases.filter((result) => !isSound(result)).map(({ id }) => id)
}

async function writeBaselineTo(file: string, { cases }: Results): Promise<void> {
  const entries = await writeBaseline(file, cases).catch(fail(3))
  process.stdout.write(`${entries} known failures written to ${file}\n`)
}
