import { rm } from 'node:fs/promises'
import { type CriuAction, CriuError } from '../../harness/criu/criu.ts'
import type { TestMachine } from '../agent/test-machine.ts'
import type { ZdtmResult } from '../agent-line.ts'
import type { Mode, PlannedTest } from '../plan.ts'
import { violation } from './checks/expect.ts'
import { makeCriuTestDirectory } from './criu-test-directory.ts'
import { runHook } from './hooks.ts'
import { describe, type Judgement } from './judgement.ts'
import { migrateProgram } from './migrate-program.ts'
import { makeOwnTestDirectory } from './own-test-directory.ts'
import { Relay } from './relay.ts'
import { makeTestHosts, stopTestHosts, type TestHost } from './test-hosts.ts'
import { endProgram, startProgram } from './test-program.ts'
import type { TestRun } from './test-run.ts'

/*
 * One test in one flavor: starts the program, migrates it, and asks for its verdict. All images go
 * through a proxy and a cache of the test's own, in network namespaces of its own. If the program
 * is in a guest, proxy and cache run beside the guest. A Violation, or a failed criu, is a failure
 * of the test; any other error is inconclusive.
 */

/** Clauses that every run exercises, and those that increments exercise as well. */
const CLAUSES = ['E1', 'E2', 'L3', 'L4', 'L5', 'P1', 'W4', 'W5', 'C3']
const INCREMENT_CLAUSES = ['E3', 'S1', 'S2', 'S3', 'S4']

/** A run before its directory is made, and the path of that directory. */
type NewRun = Omit<TestRun, 'directory'> & { base: string }

/**
 * Runs a test in a directory at `base`, and returns its result and the saved images; never throws.
 */
export async function runTest(
  test: PlannedTest,
  mode: Mode,
  given: { base: string; machine: TestMachine; programs: string },
): Promise<ZdtmResult & { saved: TestRun['saved'] }> {
  const begin = performance.now()
  const run: NewRun = { test, mode, ...given, relay: new Relay(), dumps: [], saved: new Map() }
  const judgement = await judge(run)
  run.relay.stop()
  return {
    name: test.name,
    flavor: test.flavor,
    clauses: clausesOf(mode),
    trace: run.relay.events,
    dumps: run.dumps,
    saved: run.saved,
    duration: Math.round(performance.now() - begin),
    ...judgement,
  }
}

function clausesOf({ nocr, pre }: Mode): string[] {
  if (nocr) return []
  return pre > 0 ? [...CLAUSES, ...INCREMENT_CLAUSES] : CLAUSES
}

async function judge(run: NewRun): Promise<Judgement> {
  try {
    await runInDirectory(run)
    return { outcome: 'pass' }
  } catch (thrown) {
    return describe(thrown)
  }
}

async function runInDirectory({ base, ...run }: NewRun): Promise<void> {
  const make = run.test.parameters === undefined ? makeOwnTestDirectory : makeCriuTestDirectory
  const directory = await make(run.machine.machine.host, base, run.test)
  try {
    await runOnHosts({ ...run, directory })
  } finally {
    await directory.remove()
    await rm(base, { recursive: true, force: true })
  }
}

async function runOnHosts(run: TestRun): Promise<void> {
  const { machine, mode, directory, programs } = run
  const options = { count: mode.hosts, directory: directory.hosts, programs }
  const hosts = await makeTestHosts(machine, options)
  try {
    await runProgram(hosts, run)
  } finally {
    await stopTestHosts(hosts)
  }
}

/** Starts the program, migrates it there and back as often as the mode says, and ends it. */
async function runProgram(hosts: readonly TestHost[], run: TestRun): Promise<void> {
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
