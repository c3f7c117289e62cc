import { describeResults } from '../../harness/conformance/report/text.ts'
import type { Results } from '../../harness/conformance/result.ts'
import { oneContainer } from '../../harness/hosts/container.ts'
import type { Host } from '../../harness/hosts/host.ts'
import type { Descriptor } from '../../harness/implementation/descriptor.ts'
import { notRun, type ZdtmResult } from '../agent-line.ts'
import type { Plan, TestId } from '../plan.ts'
import type { Impossible, Selected } from '../select/select-tests.ts'
import { runByAgent } from './agent-process.ts'
import { chooseKernel } from './choose-kernel.ts'
import { type LaunchFlags, planOf, repeatCommand } from './launch-flags.ts'
import { Progress } from './progress.ts'
import { resultsOf } from './results.ts'
import { describeSkips, tableOf } from './table.ts'
import { writeSavedImages } from './write-saved-images.ts'

/*
 * `criu-remote zdtm run`: a host for the tests, the run with its progress, and the table at its
 * end.
 */

/** The facts that the agent has told so far. */
interface Told {
  results: ZdtmResult[]
  system?: Results['system']
}

/**
 * Runs the selected tests, prints progress and a table, and returns the results. Throws HostError.
 * `interrupted` resolves with a reason to end the run early: unfinished tests are then
 * inconclusive.
 */
export async function launch(
  flags: LaunchFlags,
  selected: Selected,
  descriptor: Descriptor | undefined,
  interrupted: Promise<string>,
): Promise<Results> {
  const began = new Date()
  const plan = planOf(flags, selected.planned, descriptor)
  const told: Told = { results: [] }
  const host = await startHost(flags)
  try {
    const reason = await Promise.race([runOn(host, flags, plan, told), interrupted])
    const unfinished = reason === undefined ? [] : unfinishedTests(plan, told.results, reason)
    const all = [...told.results, ...unfinished, ...selected.impossible.map(notPlanned)]
    const command = repeatCommand(flags)
    const { system } = told
    const results = resultsOf(all, { plan, began, command, ...(system && { system }) })
    process.stdout.write(`${tableOf(all)}\n${describeSkips(all)}${describeResults(results)}`)
    return results
  } finally {
    await host.stop()
  }
}

/** Starts a container that sees CRIU, CRIU's tests and the kernel at their own paths. */
function startHost({ criu, criuSource = '', kernel, image }: LaunchFlags): Promise<Host> {
  const mounts = [criu, criuSource, kernel].filter((path) => path.startsWith('/'))
  return oneContainer({ mounts, ...(image !== undefined && { image }) })
}

/** Runs the plan in the host; fills `told`. */
async function runOn(
  host: Host,
  { kernel, report = '' }: LaunchFlags,
  plan: Plan,
  told: Told,
): Promise<undefined> {
  const chosen = await chooseKernel(host, kernel, plan)
  if ('cannot' in chosen) {
    told.results = plan.tests.map((test) => notRun(test, chosen.cannot))
    return
  }
  const progress = new Progress(plan.tests.length)
  try {
    await runByAgent(host, chosen.guest, plan, {
      onReady(line) {
        told.system = { kernel: line.kernel, criu: line.criu }
        progress.ready(line)
      },
      onBegin: (test) => progress.begin(test),
      onSaved: writeSavedImages(`${report}/images`),
      onResult(result) {
        told.results.push(result)
        progress.end(result)
      },
    })
  } finally {
    progress.stop()
  }
}

function unfinishedTests(
  { tests }: Plan,
  results: readonly ZdtmResult[],
  reason: string,
): ZdtmResult[] {
  return tests
    .filter((test) => !results.some((result) => isSame(result, test)))
    .map((test) => ({
      ...notRun(test, `not run to its end: ${reason}`),
      outcome: 'inconclusive',
    }))
}

const isSame = (a: TestId, b: TestId) => a.name === b.name && a.flavor === b.flavor

const notPlanned = ({ name, reason }: Impossible) => notRun({ name, flavor: 'h' }, reason)
