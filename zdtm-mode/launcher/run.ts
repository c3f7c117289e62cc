import { statSync } from 'node:fs'
import { resolve } from 'node:path'
import { Presets, SingleBar } from 'cli-progress'
import Table from 'cli-table3'
import { describeResults } from '../../harness/conformance/report/text.ts'
import type { Results } from '../../harness/conformance/result.ts'
import { oneContainer } from '../../harness/hosts/container.ts'
import { type Host, HostError } from '../../harness/hosts/host.ts'
import type { Descriptor } from '../../harness/implementation/descriptor.ts'
import { rememberKvmFails } from '../../harness/vm/known-kvm.ts'
import type { Booted } from '../../harness/vm/options.ts'
import type { Flavor, Mode, Plan, PlannedTest, ZdtmResult } from '../plan.ts'
import type { Impossible } from '../select/select-tests.ts'
import { writeKept } from '../test/saved-images.ts'
import { resultsOf, runByAgent } from './agent-process.ts'
import { chooseKernel } from './choose-kernel.ts'

/* `criu-remote zdtm run`: a host for the tests, the run with its progress, and the table at its end. */

export interface LaunchFlags
  extends Omit<
    Mode,
    'pre' | 'pause' | 'snaps' | 'nocr' | 'norst' | 'stop' | 'descriptor' | 'keepImages'
  > {
  pre: { pre: number; pause: number }
  snaps?: true
  nocr?: true
  norst?: true
  stop?: true
  parallel: number
  keepGoing?: true
  ignoreTaint?: true
  image?: string
  kernel: string
  /** A checkout of CRIU whose tests these are. */
  criuSource?: string
  keepImg: Mode['keepImages']
  /** Directory of the report, where images are kept, too. */
  report?: string
}

/** What is known so far of a run. */
interface Heard {
  results: ZdtmResult[]
  system?: Results['system']
}

/**
 * Runs what was selected; prints progress and a table; rejects with HostError. Once `interrupted` resolves, with why, the run ends, and
 * the tests that had not are inconclusive.
 */
export async function launch(
  flags: LaunchFlags,
  { planned, impossible }: { planned: PlannedTest[]; impossible: Impossible[] },
  descriptor: Descriptor | undefined,
  interrupted: Promise<string>,
): Promise<Results> {
  const began = new Date()
  const plan = planOf(flags, planned, descriptor)
  const kernel = ['host', 'auto'].includes(flags.kernel) ? flags.kernel : existing(flags.kernel)
  const mounts = [flags.criu, flags.criuSource ?? '', kernel].filter((path) => path.startsWith('/'))
  const host = await oneContainer({
    mounts,
    ...(flags.image !== undefined && { image: flags.image }),
  })
  try {
    const heard: Heard = { results: [] }
    const reason = await Promise.race([
      runOn(host, kernel, plan, flags.report ?? '', heard),
      interrupted,
    ])
    const { results, system } = heard
    const lost =
      reason === undefined
        ? []
        : planned.filter((test) => !results.some((each) => isOf(each, test)))
    const ended = lost.map(
      (test): ZdtmResult => ({
        ...notRun(test, `not run to its end: ${reason}`),
        outcome: 'inconclusive',
      }),
    )
    const all = [
      ...results,
      ...ended,
      ...impossible.map(({ name, reason }) => notRun({ name, flavor: 'h' }, reason)),
    ]
    const made = resultsOf(all, {
      plan,
      began,
      duration: Date.now() - began.getTime(),
      command: commandOf(flags),
      ...(system && { system }),
    })
    process.stdout.write(`${tableOf(all)}\n${reasonsOf(all)}${describeResults(made)}`)
    return made
  } finally {
    await host.stop()
  }
}

/** The path, absolute. Throws HostError where there is nothing: an engine would make a directory there. */
function existing(path: string): string {
  if (statSync(path, { throwIfNoEntry: false }) === undefined)
    throw new HostError(`using the kernel ${path}: there is no such file or directory`)
  return resolve(path)
}

/** Which test, by name and flavor. */
const isOf = (a: Pick<PlannedTest, 'name' | 'flavor'>, b: typeof a) =>
  a.name === b.name && a.flavor === b.flavor

async function runOn(
  host: Host,
  kernel: string,
  plan: Plan,
  report: string,
  heard: Heard,
): Promise<undefined> {
  const chosen = await chooseKernel(host, kernel, plan)
  if ('cannot' in chosen) {
    heard.results = plan.tests.map((test) => notRun(test, chosen.cannot))
    return
  }
  const bar = new SingleBar(
    { format: '  {bar} {value}/{total} | {test}', stream: process.stderr, clearOnComplete: true },
    Presets.shades_classic,
  )
  if (process.stderr.isTTY) bar.start(plan.tests.length, 0, { test: '' })
  try {
    await runByAgent(host, chosen.guest, plan, {
      onReady({ kernel: release, criu, asRoot, booted }) {
        if (booted !== undefined) tellBoot(booted)
        heard.system = { kernel: release, criu }
        process.stdout.write(`${plan.tests.length} tests, kernel ${release}, CRIU ${criu}\n`)
        if (asRoot)
          process.stdout.write(
            "all of them run as root: this machine has no CAP_SYS_RESOURCE to dump another user's process\n",
          )
      },
      onBegin: (name, flavor) => bar.update({ test: `${name} ${flavor}` }),
      onKept: writeKept(`${report}/images`),
      onResult(result) {
        heard.results.push(result)
        bar.increment()
        const { name, flavor, outcome, duration, what, actual } = result
        const why =
          outcome === 'pass'
            ? ''
            : `: ${[what, actual].filter(Boolean).join(': ').replaceAll('\n', ' ')}`
        if (!process.stderr.isTTY)
          process.stdout.write(`${outcome} ${name} ${flavor} (${duration} ms)${why}\n`)
      },
    })
  } finally {
    bar.stop()
  }
}

function tellBoot({ accelerator, boot, kvmFailed }: Booted): void {
  if (kvmFailed !== undefined) {
    rememberKvmFails()
    process.stdout.write(`no KVM: ${kvmFailed}\n`)
  }
  process.stdout.write(`guest up in ${(boot / 1000).toFixed(1)} s (${accelerator})\n`)
}

function planOf(
  { pre, snaps, nocr, norst, stop, iters, hosts, criu, fault, report, ...flags }: LaunchFlags,
  tests: PlannedTest[],
  descriptor?: Descriptor,
): Plan {
  const given = {
    snaps: snaps === true,
    nocr: nocr === true,
    norst: norst === true,
    stop: stop === true,
  }
  const keepImages = report === undefined ? 'never' : flags.keepImg
  const mode = {
    ...pre,
    ...given,
    iters,
    hosts,
    criu,
    keepImages,
    ...(fault !== undefined && { fault }),
    ...(descriptor && { descriptor }),
  }
  return {
    tests,
    mode,
    parallel: flags.parallel,
    keepGoing: flags.keepGoing === true,
    ignoreTaint: flags.ignoreTaint === true,
  }
}

const notRun = (
  { name, flavor }: Pick<PlannedTest, 'name' | 'flavor'>,
  actual: string,
): ZdtmResult => ({
  name,
  flavor,
  outcome: 'skipped',
  actual,
  clauses: [],
  trace: [],
  duration: 0,
  dumps: [],
})

/** A row for each test, a column for each flavor. */
function tableOf(results: readonly ZdtmResult[]): string {
  const flavors: Flavor[] = ['h', 'ns', 'uns']
  const table = new Table({ head: ['test', ...flavors], style: { head: [], border: [] } })
  for (const [name, rows] of Map.groupBy(results, (result) => result.name))
    table.push([
      name,
      ...flavors.map((flavor) => rows.find((row) => row.flavor === flavor)?.outcome ?? ''),
    ])
  return table.toString()
}

/** Why tests were skipped, with how many for each reason. */
function reasonsOf(results: readonly ZdtmResult[]): string {
  const skipped = Map.groupBy(
    results.filter(({ outcome }) => outcome === 'skipped'),
    ({ actual }) => actual ?? '',
  )
  const lines = [...skipped]
    .sort(([, a], [, b]) => b.length - a.length)
    .map(([reason, { length }]) => `skipped, ${length}: ${reason}\n`)
  return lines.join('')
}

/** The words that set the mode, for the command that repeats a test. */
function commandOf({
  pre,
  iters,
  hosts,
  snaps,
  norst,
  stop,
  kernel,
  criuSource,
}: LaunchFlags): string {
  const words = ['criu-remote', 'zdtm', 'run']
  if (criuSource !== undefined) words.push('--criu-source', criuSource)
  if (pre.pre > 0) words.push('--pre', String(pre.pre))
  if (iters > 1) words.push('--iters', String(iters))
  if (hosts === 2) words.push('--hosts', '2')
  if (kernel !== 'auto') words.push('--kernel', kernel)
  for (const [word, given] of Object.entries({ snaps, norst, stop }))
    if (given) words.push(`--${word}`)
  return words.join(' ')
}
