import { statSync } from 'node:fs'
import { resolve } from 'node:path'
import { Presets, SingleBar } from 'cli-progress'
import Table from 'cli-table3'
import { describeResults } from '../harness/conformance/report/text.ts'
import type { Results } from '../harness/conformance/result.ts'
import { oneContainer } from '../harness/hosts/container.ts'
import { type Host, HostError } from '../harness/hosts/host.ts'
import type { Descriptor } from '../harness/implementation/descriptor.ts'
import { placeFor } from './kernel.ts'
import { resultsOf, runByAgent } from './launch.ts'
import type { Flavor, Mode, Plan, PlannedTest, ZdtmResult } from './plan.ts'

/* `criu-remote zdtm run`: a host for the tests, the run with its progress, and the table at its end. */

export interface LaunchFlags extends Omit<Mode, 'pre' | 'pause' | 'snaps' | 'nocr' | 'norst' | 'stop' | 'descriptor'> {
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
}

/** Runs what was selected; rejects with HostError, or with what `interrupted` rejects. Prints progress and a table. */
export async function launch(
  flags: LaunchFlags,
  { planned, unreadable }: { planned: PlannedTest[]; unreadable: string[] },
  descriptor: Descriptor | undefined,
  interrupted: Promise<never>,
): Promise<Results> {
  const began = new Date()
  const plan = planOf(flags, planned, descriptor)
  const kernel = ['host', 'auto'].includes(flags.kernel) ? flags.kernel : existing(flags.kernel)
  const mounts = [flags.criu, kernel].filter((path) => path.startsWith('/'))
  const host = await oneContainer({ mounts, ...(flags.image !== undefined && { image: flags.image }) })
  try {
    const { results, system } = await Promise.race([runOn(host, kernel, plan), interrupted])
    const all = [...results, ...unreadable.map(cannotRead)]
    const made = resultsOf(all, {
      plan,
      began,
      duration: Date.now() - began.getTime(),
      command: commandOf(flags),
      ...(system && { system }),
    })
    process.stdout.write(`${tableOf(all)}\n${describeResults(made)}`)
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

async function runOn(host: Host, kernel: string, plan: Plan): Promise<{ results: ZdtmResult[]; system?: Results['system'] }> {
  const place = await placeFor(host, kernel, plan, (text) => void process.stdout.write(text))
  if ('cannot' in place) return { results: plan.tests.map((test) => notRun(test, place.cannot)) }
  let system: Results['system']
  const bar = new SingleBar(
    { format: '  {bar} {value}/{total} | {test}', stream: process.stderr, clearOnComplete: true },
    Presets.shades_classic,
  )
  if (process.stderr.isTTY) bar.start(plan.tests.length, 0, { test: '' })
  try {
    const results = await runByAgent(host, place.start, plan, {
      onReady({ kernel: release, criu }) {
        system = { kernel: release, criu }
        process.stdout.write(`${plan.tests.length} tests, kernel ${release}, CRIU ${criu}\n`)
      },
      onBegin: (name, flavor) => bar.update({ test: `${name} ${flavor}` }),
      onResult: ({ name, flavor, outcome, duration }) => {
        bar.increment()
        if (!process.stderr.isTTY) process.stdout.write(`${outcome} ${name} ${flavor} (${duration} ms)\n`)
      },
    })
    return { results, ...(system && { system }) }
  } finally {
    bar.stop()
  }
}

function planOf(
  { pre, snaps, nocr, norst, stop, iters, hosts, criu, fault, ...flags }: LaunchFlags,
  tests: PlannedTest[],
  descriptor?: Descriptor,
): Plan {
  const given = { snaps: snaps === true, nocr: nocr === true, norst: norst === true, stop: stop === true }
  const mode = { ...pre, ...given, iters, hosts, criu, ...(fault !== undefined && { fault }), ...(descriptor && { descriptor }) }
  return { tests, mode, parallel: flags.parallel, keepGoing: flags.keepGoing === true, ignoreTaint: flags.ignoreTaint === true }
}

const notRun = ({ name, flavor }: PlannedTest, actual: string): ZdtmResult => ({
  name,
  flavor,
  outcome: 'skipped',
  actual,
  clauses: [],
  trace: [],
  duration: 0,
  dumps: [],
})

const cannotRead = (name: string) => notRun({ name, flavor: 'h' } as PlannedTest, 'its .desc is no literal')

/** A row for each test, a column for each flavor. */
function tableOf(results: readonly ZdtmResult[]): string {
  const flavors: Flavor[] = ['h', 'ns', 'uns']
  const table = new Table({ head: ['test', ...flavors], style: { head: [], border: [] } })
  for (const [name, rows] of Map.groupBy(results, (result) => result.name))
    table.push([name, ...flavors.map((flavor) => rows.find((row) => row.flavor === flavor)?.outcome ?? '')])
  return table.toString()
}

/** The words that set the mode, for the command that repeats a test. */
function commandOf({ pre, iters, hosts, snaps, norst, stop, kernel }: LaunchFlags): string {
  const words = ['criu-remote', 'zdtm', 'run']
  if (pre.pre > 0) words.push('--pre', String(pre.pre))
  if (iters > 1) words.push('--iters', String(iters))
  if (hosts === 2) words.push('--hosts', '2')
  if (kernel !== 'auto') words.push('--kernel', kernel)
  for (const [word, given] of Object.entries({ snaps, norst, stop })) if (given) words.push(`--${word}`)
  return words.join(' ')
}
