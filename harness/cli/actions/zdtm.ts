import { kernelPath } from '../../../zdtm-mode/launcher/choose-kernel.ts'
import { launch } from '../../../zdtm-mode/launcher/run.ts'
import { selectTests } from '../../../zdtm-mode/select/select-tests.ts'
import { fail } from '../failure.ts'
import { onEndingSignal } from '../signals.ts'
import { namedImplementation } from './given-implementation.ts'
import { endWithVerdict, prepareReportIn, writeReportIn } from './verdict.ts'

/* `criu-remote zdtm run`: selects the tests, and lists or runs them. */

export interface ZdtmFlags {
  test: string[]
  tests?: string
  all?: true
  exclude: string[]
  from?: string
  flavor: readonly ('h' | 'ns' | 'uns')[] | 'best'
  pre: { pre: number; pause: number }
  iters: number
  snaps?: true
  nocr?: true
  norst?: true
  stop?: true
  parallel: number
  keepGoing?: true
  dryRun?: true
  report?: string
  ignoreTaint?: true
  criu: string
  fault?: number
  implementation?: string
  hosts: 1 | 2
  image?: string
  kernel: string
  criuSource?: string
  keepImg: 'always' | 'never' | 'failed'
}

export async function zdtm(flags: ZdtmFlags): Promise<void> {
  const selected = await attempt(() => selectTests(flags))
  const kernel = await attempt(() => kernelPath(flags.kernel))
  if (flags.dryRun) {
    const names = selected.planned.map(({ name, flavor }) => `${name} ${flavor}\n`)
    process.stdout.write(names.join(''))
    return
  }
  const descriptor = await namedImplementation(flags.implementation)
  await prepareReportIn(flags.report)
  const results = await launch({ ...flags, kernel }, selected, descriptor, endingSignal()).catch(
    fail(3),
  )
  await writeReportIn(flags.report, results)
  endWithVerdict(results)
}

/** Runs a check of the usage. Exits 2 if it throws. */
const attempt = <T>(check: () => T): Promise<T> => Promise.resolve().then(check).catch(fail(2))

/** Resolves with the reason when this process is asked to end. */
function endingSignal(): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>()
  onEndingSignal((signal) => resolve(`ended by ${signal}`))
  return promise
}
