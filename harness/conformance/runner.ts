import { AsyncLocalStorage } from 'node:async_hooks'
import { createHash } from 'node:crypto'
import { localHost } from '../hosts/local.ts'
import type { Descriptor } from '../implementation/descriptor.ts'
import { names2017, names2019, Waiting } from './bench.ts'
import { type Case, NotApplicable, Violation } from './case.ts'
import type { Subject } from './daemon-under-test.ts'
import { startDeadline } from './deadline.ts'
import { runOnFreshDaemons, type Setting, tryStart } from './fresh-daemons.ts'
import type { LoadedCase } from './loaded-cases.ts'
import type { CaseResult, Outcome } from './result.ts'
import { Trace } from './trace.ts'

/*
 * Runs cases, several at once, each on daemons of its own and with one deadline, and says of each what came.
 *
 * A violation is the implementation's fault. A daemon that dies without having been given a reason is one as well, whatever the
 * case saw. Anything else that goes wrong is the harness's, and decides nothing.
 */

export interface RunOptions {
  descriptor: Descriptor
  cases: readonly LoadedCase[]
  jobs: number
  /** Runs of each case. */
  repeat: number
  seed: number
  /** Deadline of a case, in ms. */
  timeout: number
  /** Beginning of the command that runs a case again. */
  command: string
  /** Begins no other case once one has failed. */
  untilFailure?: true
  onResult(result: CaseResult): void
}

/** What a case left behind that nobody awaited: it counts as if it had been thrown. */
const strays = new AsyncLocalStorage<{ thrown?: unknown }>()

interface Verdict {
  outcome: Outcome
  what?: string
  expected?: NonNullable<CaseResult['expected']>
  actual?: string
}

/** Runs all cases, in the order given; the results of those that were run. Throws HostError if a daemon does not start at all. */
export async function runCases(options: RunOptions): Promise<CaseResult[]> {
  const host = localHost()
  process.on('unhandledRejection', keepStray)
  try {
    const setting = {
      host,
      descriptor: options.descriptor,
      ...(await tryStart(host, options.descriptor)),
    }
    const results: CaseResult[] = new Array(options.cases.length)
    let next = 0
    let failed = false
    const isEnough = () => options.untilFailure === true && failed
    const work = async () => {
      for (let index = next++; index < options.cases.length && !isEnough(); index = next++) {
        const result = await runRepeatedly(setting, options.cases[index] as LoadedCase, options)
        results[index] = result
        failed ||= result.outcome === 'fail'
        options.onResult(result)
      }
    }
    await Promise.all(Array.from({ length: Math.min(options.jobs, options.cases.length) }, work))
    return results.filter((result) => result !== undefined)
  } finally {
    process.off('unhandledRejection', keepStray)
    await host.stop()
  }
}

function keepStray(thrown: unknown): void {
  const stray = strays.getStore()
  if (stray === undefined) throw thrown
  stray.thrown ??= thrown
}

async function runRepeatedly(
  setting: Setting,
  loaded: LoadedCase,
  options: RunOptions,
): Promise<CaseResult> {
  let kept: CaseResult | undefined
  let passed = 0
  for (let run = 0; run < options.repeat; run++) {
    const result = await runCase(setting, loaded, options, run)
    if (result.outcome === 'pass') passed++
    if (kept === undefined || kept.outcome === 'pass') kept = result
  }
  return { ...(kept as CaseResult), passed, runs: options.repeat }
}

async function runCase(
  setting: Setting,
  { group, value }: LoadedCase,
  options: RunOptions,
  run: number,
): Promise<CaseResult> {
  const runSeed = options.seed + run
  const seed = seedOf(value.id, runSeed)
  const trace = new Trace()
  const subjects: Subject[] = []
  const begin = performance.now()
  const stray: { thrown?: unknown } = {}
  const judged = await strays.run(stray, () =>
    judge(setting, value, options, seed, trace, subjects),
  )
  const verdict =
    judged.outcome === 'pass' && stray.thrown !== undefined
      ? outcomeOf(stray.thrown, value)
      : judged
  const duration = Math.round(performance.now() - begin)
  await Promise.all(subjects.map((subject) => subject.stop()))
  const stderr =
    verdict.outcome === 'pass'
      ? ''
      : (await Promise.all(subjects.map(({ process: daemon }) => daemon.exited)))
          .map((each) => each.stderr)
          .join('')
  return {
    id: value.id,
    group,
    clauses: value.clauses,
    level: value.level ?? 'must',
    role: value.role,
    about: value.about,
    ...verdict,
    trace: trace.events,
    ...(stderr !== '' && { stderr }),
    ...(verdict.outcome !== 'pass' && { signature: signatureOf(verdict) }),
    seed,
    runSeed,
    duration,
    passed: 0,
    runs: 1,
    repeat: `${options.command} --only ${value.id} --seed ${runSeed}`,
  }
}

async function judge(
  setting: Setting,
  value: Case,
  { descriptor, timeout }: RunOptions,
  seed: number,
  trace: Trace,
  subjects: Subject[],
): Promise<Verdict> {
  const reason = inapplicable(value, descriptor)
  if (reason !== undefined) return { outcome: 'not-applicable', actual: reason }
  const waiting = new Waiting()
  const bench = {
    trace,
    dialect: descriptor.dialect,
    names:
      descriptor.dialect === 'criu-2019' || descriptor.dialect === 'criu-2020'
        ? names2019
        : names2017,
    seed,
    waiting,
  }
  const deadline = Promise.withResolvers<never>()
  let end = () => {}
  const begin = () => {
    const processes = () => subjects.map(({ process: daemon }) => daemon.pid)
    end = startDeadline(timeout, processes, () => deadline.reject(waiting.late(timeout)))
  }
  try {
    await Promise.race([
      runOnFreshDaemons(setting, value, bench, subjects, begin),
      deadline.promise,
    ])
    return crash(subjects) ?? { outcome: 'pass' }
  } catch (thrown) {
    await graceToDie(subjects)
    return crash(subjects) ?? outcomeOf(thrown, value)
  } finally {
    end()
  }
}

function inapplicable(
  { role, needs = [], dialects }: Case,
  { proxy, cache, capabilities, dialect }: Descriptor,
): string | undefined {
  if (role !== 'cache' && proxy === undefined) return 'its descriptor has no proxy'
  if (role !== 'proxy' && cache === undefined) return 'its descriptor has no cache'
  const lacking = needs.find((capability) => !capabilities[capability])
  if (lacking !== undefined) return `its descriptor says that it has no ${lacking}`
  if (dialects !== undefined && !dialects.includes(dialect))
    return `it is for dialect ${dialects.join(' or ')}, not ${dialect}`
  return undefined
}

/** How long a daemon may take to die, in ms, after a case has failed: its connections end before it is known how it did. */
const GRACE = 250

/** Waits, at most that long, until the exit of a daemon that is dying can be told. */
async function graceToDie(subjects: readonly Subject[]): Promise<void> {
  const timer = Promise.withResolvers<void>()
  setTimeout(timer.resolve, GRACE)
  await Promise.race([timer.promise, ...subjects.map(({ process: daemon }) => daemon.exited)])
}

function crash(subjects: readonly Subject[]): Verdict | undefined {
  const crashed = subjects.find(
    ({ mayExit, exitCode }) =>
      exitCode() !== undefined && (!mayExit || (exitCode() as number) > 128),
  )
  if (crashed === undefined) return undefined
  return {
    outcome: 'fail',
    what: `the process of the ${crashed.role}`,
    expected: [{ outcome: 'it runs on', clause: 'L2' }],
    actual: `it ended with exit ${crashed.exitCode()}`,
  }
}

function outcomeOf(thrown: unknown, { level = 'must' }: Case): Verdict {
  if (thrown instanceof NotApplicable) return { outcome: 'not-applicable', actual: thrown.message }
  if (thrown instanceof Violation) {
    return {
      outcome: level === 'must' ? 'fail' : 'warn',
      what: thrown.what,
      expected: thrown.permitted,
      actual: thrown.actual,
    }
  }
  return {
    outcome: 'inconclusive',
    what: 'the harness',
    actual: thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown),
  }
}

/** What was looked at and what came, without numbers, times and addresses. */
function signatureOf({ what = '', actual = '' }: Verdict): string {
  const text = `${what}: ${actual}`
    .replaceAll(/0x[0-9a-f]+|[0-9a-f]{8,}|\d+/g, '#')
    .replaceAll(/\s+/g, ' ')
  return createHash('sha256').update(text).digest('hex').slice(0, 12)
}

/** The same for a case whatever else is selected. */
function seedOf(id: string, seed: number): number {
  return createHash('sha256').update(`${seed} ${id}`).digest().readUInt32LE(0)
}
