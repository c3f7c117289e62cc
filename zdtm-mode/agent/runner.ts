import { hasFeature } from '../../harness/criu/criu.ts'
import type { Host } from '../../harness/hosts/host.ts'
import { notRun, type ZdtmResult } from '../agent-line.ts'
import type { GivenPlan, PlannedTest } from '../plan.ts'
import { describe } from '../test/judgement.ts'
import { runTest } from '../test/run-test.ts'
import { printLine, printSaved } from './print-line.ts'
import { skipReason } from './skip-reason.ts'
import { type TestMachine, taintOf } from './test-machine.ts'

/** The directory of the tests' own directories, on a tmpfs. */
const BASE = '/run/criu-remote-zdtm'

/** Runs tests one by one. They share the plan, CRIU's features and an earlier failure. */
export class Runner {
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
