import { createHash } from 'node:crypto'
import type { Descriptor } from '../implementation/descriptor.ts'
import type { Violation } from '../violation.ts'
import type { Case } from './case.ts'
import { Blocked, CaseDeadline, SlowMachine } from './case-deadline.ts'
import type { ClientUnderTest } from './contexts/client.ts'
import { namesOf } from './control-names.ts'
import type { DaemonUnderTest } from './daemon-under-test.ts'
import { type FreshDaemons, NeverStarted } from './fresh-daemons.ts'
import type { HopelessWaits } from './hopeless-waits.ts'
import {
  type CaseVerdict,
  forbiddenEnd,
  inapplicable,
  signatureOf,
  suiteTrouble,
  verdictOf,
} from './judge.ts'
import type { LoadedCase } from './loaded-cases.ts'
import type { CaseResult } from './result.ts'
import { inScope } from './suite-trouble.ts'
import { lastProcessor } from './surroundings.ts'
import { suspectDialect } from './suspect-dialect.ts'
import { Trace } from './trace.ts'
import { Waiting } from './waiting.ts'

/**
 * How long a daemon may take to die after its case has failed, in ms: the case sees the ends of the
 * connections before the exit of the process.
 */
const GRACE = 250

/** The options of a run that concern each case. */
export interface CaseOptions {
  descriptor: Descriptor
  seed: number
  /** Deadline of a case, in ms. */
  timeout: number
  /** Beginning of the command that runs a case again. */
  command: string
  /** Interrupts the run; the reason is one phrase. */
  signal?: AbortSignal
  /** Whether the daemons run on one processor, with random stops. */
  pressure?: boolean
  /** The things for which cases have waited in vain, if later cases are to give up early. */
  hopeless?: HopelessWaits
}

/** One run of one case, with all that it has begun. */
interface SingleRun {
  fresh: FreshDaemons
  value: Case
  options: CaseOptions
  seed: number
  trace: Trace
  daemons: DaemonUnderTest[]
  clients: ClientUnderTest[]
}

/** Thrown in a case when its run is interrupted. */
class Interrupted extends Error {}

/** Runs a case once; `repetition` counts from 0. Throws NeverStarted. */
export async function runCase(
  fresh: FreshDaemons,
  loaded: LoadedCase,
  options: CaseOptions,
  repetition: number,
): Promise<CaseResult> {
  const runSeed = options.seed + repetition
  const seed = seedOf(loaded.value.id, runSeed)
  const trace = new Trace()
  const daemons: DaemonUnderTest[] = []
  const clients: ClientUnderTest[] = []
  const begin = performance.now()
  const run = { fresh, value: loaded.value, options, seed, trace, daemons, clients }
  let verdict: CaseVerdict
  let duration: number
  try {
    verdict = await verdictOfRun(run)
    duration = Math.round(performance.now() - begin)
  } finally {
    await Promise.all([...daemons, ...clients].map((each) => each.stop()))
  }
  const errors = async () =>
    (await errorsOf(daemons)) + clients.map(({ stderr }) => stderr).join('')
  const stderr = verdict.outcome === 'pass' ? '' : await errors()
  return {
    ...resultWithoutRun(loaded, { ...options, seed: runSeed }, verdict),
    trace: trace.events,
    ...(stderr !== '' && { stderr }),
    ...(verdict.outcome !== 'pass' && { signature: signatureOf(verdict) }),
    ...(clients.length === 0 && suspicionOf(verdict, trace, options.descriptor)),
    duration,
  }
}

/** Returns a note if the bytes of a failed case look like another dialect than the declared one. */
function suspicionOf(
  { outcome }: CaseVerdict,
  { events }: Trace,
  { dialect }: Descriptor,
): Pick<CaseResult, 'note'> {
  if (outcome !== 'fail' && outcome !== 'warn') return {}
  const note = suspectDialect(events, dialect)
  return note === undefined ? {} : { note }
}

/** Returns the result of a case that no daemon was started for. */
export function resultWithoutRun(
  { group, value }: LoadedCase,
  { seed, command }: Pick<CaseOptions, 'seed' | 'command'>,
  verdict: CaseVerdict,
): CaseResult {
  const { id, clauses, level = 'must', role, about } = value
  return {
    ...{ id, group, clauses, level, role, about },
    ...verdict,
    trace: [],
    seed: seedOf(id, seed),
    runSeed: seed,
    duration: 0,
    passed: 0,
    runs: 1,
    repeat: `${command} --only ${id} --seed ${seed}`,
  }
}

async function verdictOfRun(run: SingleRun): Promise<CaseVerdict> {
  const { value: verdict, trouble, stray } = await inScope(() => runToVerdict(run))
  if (trouble !== undefined) return suiteTrouble(trouble)
  if (verdict.outcome !== 'pass' || stray === undefined) return verdict
  return verdictOf(stray.thrown, run.value)
}

async function runToVerdict(run: SingleRun): Promise<CaseVerdict> {
  const { value, options, daemons, clients, trace } = run
  const reason = inapplicable(value, options.descriptor)
  if (reason !== undefined) return { outcome: 'not-applicable', actual: reason }
  const waiting = new Waiting()
  const deadline = new CaseDeadline({
    ...{ timeout: options.timeout * (value.patience ?? 1), waiting, hopeless: options.hopeless },
    processes: () => [
      ...daemons.map((daemon) => daemon.process.pid),
      ...clients.flatMap(({ processes }) => processes),
    ],
    // Both daemons of a pair may stand at once, and no time counts twice.
    stood: () => Math.max(0, ...daemons.map(({ stood }) => stood)),
  })
  try {
    await runInTime(run, waiting, deadline)
    return forbiddenEnd(daemons) ?? { outcome: 'pass' }
  } catch (thrown) {
    const failedAt = trace.now
    if (thrown instanceof NeverStarted) throw thrown
    if (thrown instanceof Interrupted) return { outcome: 'not-run', actual: thrown.message }
    await graceToDie(daemons)
    const verdict = forbiddenEnd(daemons) ?? verdictOfEnd(thrown, run, deadline)
    return { ...verdict, failedAt }
  }
}

/** Runs the case; its deadline begins when its daemons are ready. */
async function runInTime(
  { fresh, value, options, seed, trace, daemons, clients }: SingleRun,
  waiting: Waiting,
  deadline: CaseDeadline,
): Promise<void> {
  const { dialect } = options.descriptor
  const context = { trace, dialect, names: namesOf(dialect), seed, waiting }
  const begin = () => deadline.begin()
  const { limits, ownSharedMemory = false } = value
  const surroundings = {
    ...{ ownSharedMemory, ...(limits && { limits }) },
    ...(options.pressure === true && { processor: lastProcessor(), seed }),
  }
  const work = fresh.run({ value, options: context, daemons, clients, surroundings, begin })
  const interrupt = untilInterrupt(options.signal)
  await Promise.race([work, deadline.passed, interrupt.happened]).finally(() => {
    deadline.cancel()
    interrupt.ignore()
  })
}

/** Returns a promise that rejects when the run is interrupted, until `ignore` is called. */
function untilInterrupt(signal?: AbortSignal): { happened: Promise<never>; ignore(): void } {
  const { promise, reject } = Promise.withResolvers<never>()
  const interrupt = () => reject(new Interrupted(String(signal?.reason)))
  if (signal?.aborted) interrupt()
  signal?.addEventListener('abort', interrupt)
  return { happened: promise, ignore: () => signal?.removeEventListener('abort', interrupt) }
}

/** Returns the verdict on a case that ended by an error; notes a failure at the deadline. */
function verdictOfEnd(
  thrown: unknown,
  { value, options }: SingleRun,
  { isOver }: CaseDeadline,
): CaseVerdict {
  if (thrown instanceof Blocked)
    return { outcome: 'blocked', actual: thrown.message, blockedBy: thrown.by }
  if (thrown instanceof SlowMachine) return suiteTrouble(thrown.message)
  const verdict = verdictOf(thrown, value)
  if (!isOver) return verdict
  if (verdict.outcome === 'fail') options.hopeless?.add(value.id, thrown as Violation)
  return { ...verdict, timedOut: true }
}

/** Waits until a daemon has ended, for GRACE at most. */
async function graceToDie(daemons: readonly DaemonUnderTest[]): Promise<void> {
  const timer = Promise.withResolvers<void>()
  setTimeout(timer.resolve, GRACE)
  await Promise.race([timer.promise, ...daemons.map((daemon) => daemon.process.exited)])
}

/** Returns the standard error of daemons that have ended. */
async function errorsOf(daemons: readonly DaemonUnderTest[]): Promise<string> {
  const ends = await Promise.all(daemons.map((daemon) => daemon.process.exited))
  return ends.map(({ stderr }) => stderr).join('')
}

/** Returns the seed of one case, which does not depend on the selection of other cases. */
function seedOf(id: string, seed: number): number {
  return createHash('sha256').update(`${seed} ${id}`).digest().readUInt32LE(0)
}
