import { breakpointsFire } from '../../harness/criu/breakpoints.ts'
import { hasFeature } from '../../harness/criu/criu.ts'
import { type Host, output } from '../../harness/hosts/host.ts'
import { notRun, type ZdtmResult } from '../agent-line.ts'
import { BREAKPOINT, type GivenPlan, type PlannedTest } from '../plan.ts'
import { describe } from '../test/judgement.ts'
import { runTest } from '../test/run-test.ts'
import { printLine, printSaved } from './print-line.ts'
import { skipReason } from './skip-reason.ts'
import { type TestMachine, taintOf } from './test-machine.ts'

/** The directory of the tests' own directories, on a tmpfs. */
const BASE = '/run/criu-remote-zdtm'

/**
 * Runs all tests of the plan on the machines, as many at once as the plan says, and prints their
 * results. `another` prepares one more machine in place of a guest that has ended.
 */
export async function runTests(
  machines: readonly TestMachine[],
  another: () => Promise<TestMachine>,
  plan: GivenPlan,
): Promise<void> {
  const { tests, parallel } = plan
  const [first] = machines as [TestMachine]
  await printReady(first, plan)
  const runner = new Runner(plan)
  const takeFrom = async (queue: Iterable<PlannedTest>, given: TestMachine): Promise<void> => {
    let machine = given
    for (const test of queue) {
      if (machine.hasEnded()) machine = await another()
      await runner.run(test, machine)
    }
  }
  const isAlone = ({ desc }: PlannedTest) => desc.flags.includes('excl')
  const queue = tests.filter((test) => !isAlone(test)).values()
  const machineFor = (at: number) => machines[at % machines.length] as TestMachine
  await Promise.all(Array.from({ length: parallel }, (_, at) => takeFrom(queue, machineFor(at))))
  await takeFrom(tests.filter(isAlone), first)
}

/** Prints the facts about the machine. */
async function printReady(machine: TestMachine, plan: GivenPlan): Promise<void> {
  const { host } = machine.machine
  await breakpointsFire(host, `${plan.programs}/${BREAKPOINT}`)
  const [kernel, version] = await Promise.all([
    output(host, ['uname', '-r']),
    output(host, [plan.mode.criu, '--version']),
  ])
  const someChangeUsers = plan.tests.some(({ parameters }) => parameters !== undefined)
  printLine({
    event: 'ready',
    kernel: kernel.trim(),
    criu: version.split('\n')[0]?.replace('Version: ', '') ?? '',
    asRoot: someChangeUsers && !machine.dumpsOtherUsers,
    ...(machine.booted && { booted: machine.booted }),
  })
}

/**
 * Runs one test after another, with what they share: the plan, CRIU's features, an earlier failure.
 */
class Runner {
  readonly #plan: GivenPlan
  readonly #has: (host: Host, feature: string) => Promise<boolean>
  #failed = false
  #next = 0

  constructor(plan: GivenPlan) {
    this.#plan = plan
    this.#has = featureProbe(plan.mode.criu)
  }

  /** Runs a test and prints its result. */
  async run(test: PlannedTest, machine: TestMachine): Promise<void> {
    printLine({ event: 'begin', name: test.name, flavor: test.flavor })
    const result = await this.#resultOf(test, machine)
    this.#failed ||= result.outcome === 'fail' || result.outcome === 'inconclusive'
    printLine({ event: 'result', result })
  }

  async #resultOf(test: PlannedTest, machine: TestMachine): Promise<ZdtmResult> {
    if (this.#failed && !this.#plan.keepGoing)
      return notRun(test, 'an earlier test failed, and --keep-going is not given')
    try {
      return await this.#attempt(test, machine)
    } catch (thrown) {
      return { ...notRun(test, ''), ...describe(thrown) }
    }
  }

  async #attempt(test: PlannedTest, machine: TestMachine): Promise<ZdtmResult> {
    const { mode, programs } = this.#plan
    const reason = await skipReason(machine.machine.host, test, mode, this.#has)
    if (reason !== undefined) return notRun(test, reason)
    const program = test.program.startsWith('/') ? test.program : `${programs}/${test.program}`
    const base = `${BASE}/${this.#next++}`
    const given = { base, machine, programs }
    const { saved, ...result } = await runTest({ ...test, program }, mode, given)
    const passed = result.outcome === 'pass'
    if (mode.keepImages === 'always' || (mode.keepImages === 'failed' && !passed))
      printSaved(test, saved)
    // Also for a failed test: this throws if the guest has ended, which explains the failure.
    const taint = await taintOf(machine.machine.host)
    if (!passed || this.#plan.ignoreTaint || taint === machine.tainted) return result
    return { ...result, ...taintFailure(machine.tainted, taint) }
  }
}

const taintFailure = (before: string, after: string) => ({
  outcome: 'fail' as const,
  what: 'the kernel',
  permitted: [{ outcome: `tainted ${before}`, clause: '' }],
  actual: `tainted ${after}`,
})

/**
 * Returns a function that asks CRIU once for each feature, on any of the machines: they have the
 * same kernel. It asks again if the machine ended before the answer.
 */
function featureProbe(criu: string): (host: Host, feature: string) => Promise<boolean> {
  const asked = new Map<string, Promise<boolean>>()
  return (host, feature) => {
    const answer = asked.get(feature) ?? hasFeature(host, criu, feature)
    asked.set(feature, answer)
    answer.catch(() => asked.delete(feature))
    return answer
  }
}
