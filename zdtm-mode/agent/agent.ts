import { readFile } from 'node:fs/promises'
import { parseJson } from '../../harness/checked.ts'
import { HostError } from '../../harness/hosts/host.ts'
import { thisMachine } from '../../harness/hosts/machine.ts'
import { NO_MACHINE } from '../agent-line.ts'
import { type GivenPlan, givenPlan, INIT } from '../plan.ts'
import { runTests } from './run-tests.ts'
import { prepareTestMachine, type TestMachine } from './test-machine.ts'

/*
 * The process inside the container that runs the tests: gets the whole plan at its start, boots
 * guests if the tests run in guests, and prints a line of JSON for each event. Needs root, and a
 * tmpfs at /run.
 */

/** Runs all tests of the plan: on this kernel, or in as many guests as tests run at once. */
async function runPlan(plan: GivenPlan): Promise<void> {
  const { guest, programs, tests, parallel } = plan
  // The thread pool exists by now; processes started from here must not get one of that size.
  delete process.env['UV_THREADPOOL_SIZE']
  const here = await thisMachine(`${programs}/${INIT}`)
  const prepared: Promise<TestMachine>[] = []
  const prepare = () => {
    const machine = prepareTestMachine(here, programs, guest)
    prepared.push(machine)
    return machine
  }
  try {
    const count = guest === undefined ? 1 : Math.min(parallel, tests.length)
    const machines = await Promise.all(Array.from({ length: count }, prepare))
    await runTests(machines, prepare, plan)
  } finally {
    const settled = await Promise.allSettled(prepared)
    await Promise.all(settled.map((each) => each.status === 'fulfilled' && each.value.stop()))
    await here.host.stop()
  }
}

const [file] = process.argv.slice(2)
if (file !== undefined) {
  const plan = parseJson(givenPlan, await readFile(file, 'utf8'), 'reading the plan')
  await runPlan(plan).catch((thrown) => {
    if (!(thrown instanceof HostError)) throw thrown
    process.stderr.write(`${thrown.message}\n`)
    process.exitCode = NO_MACHINE
  })
}
