import { AsyncLocalStorage } from 'node:async_hooks'
import { createHash } from 'node:crypto'
import type { Descriptor } from '../implementation/descriptor.ts'
import type { Case } from './case.ts'
import { namesOf } from './control-names.ts'
import type { DaemonUnderTest } from './daemon-under-test.ts'
import { startDeadline } from './deadline.ts'
import { type FreshDaemons, NeverStarted } from './fresh-daemons.ts'
import { type CaseVerdict, forbiddenEnd, inapplicable, signatureOf, verdictOf } from './judge.ts'
import type { LoadedCase } from './loaded-cases.ts'
import type { CaseResult } from './result.ts'
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
}

/** A rejection of a case that no code awaited: it counts as if the case had thrown it. */
const strays = new AsyncLocalStorage<{ thrown?: unknown }>()

/** Keeps a rejection for the case that caused it. Throws it if no case did. */
export function keepStray(thrown: unknown): void {
  const stray = strays.getStore()
  if (stray === undefined) throw thrown
  stray.thrown ??= thrown
}

/** One run of one case, with all that it has begun. */
interface SingleRun {
  fresh: FreshDaemons
  value: Case
  options: CaseOptions
  seed: number
  trace: Trace
  daemons: DaemonUnderTest[]
}

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
  const begin = performance.now()
  const run = { fresh, value: loaded.value, options, seed, trace, daemons }
  let verdict: CaseVerdict
  let duration: number
  try {
    verdict = await verdictOfRun(run)
    duration = Math.round(performance.now() - begin)
  } finally {
    await Promise.all(daemons.map((daemon) => daemon.stop()))
  }
  return resultOf(run, loaded, verdict, { runSeed, duration })
}

async function verdictOfRun(run: SingleRun): Promise<CaseVerdict> {
  const stray: { thrown?: unknown } = {}
  const verdict = await strays.run(stray, () => runToVerdict(run))
  if (verdict.outcome !== 'pass' || stray.thrown === undefined) return verdict
  return verdictOf(stray.thrown, run.value)
}

async function runToVerdict(run: SingleRun): Promise<CaseVerdict> {
  const { value, options, daemons } = run
  const reason = inapplicable(value, options.descriptor)
  if (reason !== undefined) return { outcome: 'not-applicable', actual: reason }
  try {
    await runInTime(run)
    return forbiddenEnd(daemons) ?? { outcome: 'pass' }
  } catch (thrown) {
    if (thrown instanceof NeverStarted) throw thrown
    await graceToDie(daemons)
    return forbiddenEnd(daemons) ?? verdictOf(thrown, value)
  }
}

/** Runs the case; its deadline begins when its daemons are ready. */
async function runInTime({
  fresh,
  value,
  options,
  seed,
  trace,
  daemons,
}: SingleRun): Promise<void> {
  const { descriptor, timeout } = options
  const { dialect } = descriptor
  const waiting = new Waiting()
  const deadline = Promise.withResolvers<never>()
  let end = () => {}
  const begin = () => {
    const processes = () => daemons.map((daemon) => daemon.process.pid)
    end = startDeadline(timeout, processes, () => deadline.reject(waiting.late(timeout)))
  }
  const context = { trace, dialect, names: namesOf(dialect), seed, waiting }
  const work = fresh.run({ value, options: context, daemons, begin })
  await Promise.race([work, deadline.promise]).finally(() => end())
}

/** Waits until a daemon has ended, for GRACE at most. */
async function graceToDie(daemons: readonly DaemonUnderTest[]): Promise<void> {
  const timer = Promise.withResolvers<void>()
  setTimeout(timer.resolve, GRACE)
  await Promise.race([timer.promise, ...daemons.map((daemon) => daemon.process.exited)])
}

async function resultOf(
  { options, seed, trace, daemons }: SingleRun,
  { group, value }: LoadedCase,
  verdict: CaseVerdict,
  { runSeed, duration }: { runSeed: number; duration: number },
): Promise<CaseResult> {
  const { id, clauses, level = 'must', role, about } = value
  const passes = verdict.outcome === 'pass'
  const stderr = passes ? '' : await errorsOf(daemons)
  return {
    ...{ id, group, clauses, level, role, about },
    ...verdict,
    trace: trace.events,
    ...(stderr !== '' && { stderr }),
    ...(!passes && { signature: signatureOf(verdict) }),
    seed,
    runSeed,
    duration,
    passed: 0,
    runs: 1,
    repeat: `${options.command} --only ${id} --seed ${runSeed}`,
  }
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
