import { type CriuAction, CriuError } from '../../harness/criu/criu.ts'
import type { PlannedTest } from '../plan.ts'
import { violation } from './checks/expect.ts'
import { runHook } from './hooks.ts'
import { migrateProgram } from './migrate-program.ts'
import type { TestHost } from './test-hosts.ts'
import { endProgram, startProgram } from './test-program.ts'
import type { TestRun } from './test-run.ts'

/** Starts the program, migrates it there and back as often as the mode says, and ends it. */
export async function runProgram(hosts: readonly TestHost[], run: TestRun): Promise<void> {
  const { test, mode, directory, machine } = run
  let [source, destination] = [hosts[0] as TestHost, hosts.at(-1) as TestHost]
  try {
    let pid = await startProgram(source.host, test, directory, machine.dumpsOtherUsers)
    const failed = await failedAction(test, async () => {
      for (let iteration = 0; iteration < (mode.nocr ? 0 : mode.iters); iteration++) {
        pid = await migrateProgram(source, destination, pid, run, iteration)
        if (!mode.norst) [source, destination] = [destination, source]
      }
    })
    // A failed restore leaves no process that could give a verdict.
    if (failed !== 'restore') await endProgram(source.host, pid, test, directory)
  } finally {
    await runHook(source.host, directory, '--clean')
  }
}

/**
 * Migrates a program. For a test with the flag `crfail` criu must fail, and the action that failed
 * is returned; for any other test the result is undefined.
 */
async function failedAction(
  { desc }: PlannedTest,
  migrate: () => Promise<void>,
): Promise<CriuAction | undefined> {
  if (!desc.flags.includes('crfail')) {
    await migrate()
    return undefined
  }
  try {
    await migrate()
  } catch (thrown) {
    if (thrown instanceof CriuError && thrown.code < 128) return thrown.action
    throw thrown
  }
  const what = 'criu with a test that it must refuse (crfail)'
  throw violation(what, 'a failure', 'success', { side: 'criu' })
}
