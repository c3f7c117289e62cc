import { rm } from 'node:fs/promises'
import type { TestMachine } from '../agent/test-machine.ts'
import type { ZdtmResult } from '../agent-line.ts'
import type { Mode, PlannedTest } from '../plan.ts'
import { makeCriuTestDirectory } from './criu-test-directory.ts'
import { describe, type Judgement } from './judgement.ts'
import { makeOwnTestDirectory } from './own-test-directory.ts'
import { Relay } from './relay.ts'
import { runProgram } from './run-program.ts'
import { makeTestHosts, stopTestHosts } from './test-hosts.ts'
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
