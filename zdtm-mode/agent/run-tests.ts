import { output } from '../../harness/hosts/host.ts'
import type { GivenPlan, PlannedTest } from '../plan.ts'
import { printLine } from './print-line.ts'
import { Runner } from './runner.ts'
import type { TestMachine } from './test-machine.ts'

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
