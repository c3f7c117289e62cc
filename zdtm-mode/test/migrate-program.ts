import { setTimeout as pause } from 'node:timers/promises'
import { fileOn, HostError } from '../../harness/hosts/host.ts'
import type { Migration } from '../../harness/migration/migration.ts'
import { decodeDumpStatistics } from '../../proto/index.ts'
import type { Mode } from '../plan.ts'
import { expectEqualImages } from './checks/equal-images.ts'
import { violation } from './checks/expect.ts'
import { expectIncrements, expectReadThroughChain } from './checks/increments.ts'
import { treeOf } from './checks/process-tree.ts'
import { VanishedProcesses } from './checks/vanished-processes.ts'
import { findDeadDaemon } from './find-dead-daemon.ts'
import { notify, runHook } from './hooks.ts'
import type { SeenOpen } from './relay.ts'
import { restoreProgram } from './restore-program.ts'
import { takeImages } from './saved-images.ts'
import { startMigration } from './start-migration.ts'
import type { TestHost } from './test-hosts.ts'
import type { TestRun } from './test-run.ts'

/** One migration of the program, with what its steps share. */
interface Steps {
  migration: Migration
  run: TestRun
  vanished: VanishedProcesses
  /** Opens of this migration so far. */
  opens(): readonly SeenOpen[]
}

/**
 * Migrates the program once, pre-dumps included, with all checks. Returns its pid at the
 * destination, with --norst at the source. Throws Violation, CriuError, HostError.
 */
export async function migrateProgram(
  source: TestHost,
  destination: TestHost,
  pid: number,
  run: TestRun,
  iteration: number,
): Promise<number> {
  const migration = await startMigration(source, destination, run, iteration)
  const first = run.relay.opens.length
  const opens = () => run.relay.opens.slice(first)
  const vanished = new VanishedProcesses(run.directory, run.test, iteration * run.mode.pre)
  try {
    return await takeSteps({ migration, run, vanished, opens }, pid)
  } catch (thrown) {
    if (run.mode.keepImages !== 'never' && run.saved.size === 0)
      await takeImages(migration, opens(), run.saved)
    throw await findDeadDaemon(migration, thrown)
  } finally {
    await migration.stop()
  }
}

async function takeSteps(steps: Steps, pid: number): Promise<number> {
  const { migration, run, opens } = steps
  const { mode } = run
  for (let step = 1; step <= mode.pre; step++) await preDump(steps, pid, step)
  const before = await treeOf(migration.source.host, pid)
  await dump(steps, pid)
  await expectEndOfDaemon('proxy', 'E1', migration.finishDump())
  const restored = mode.norst ? pid : await restoreProgram(migration, before, run)
  await checkRestore(steps)
  if (mode.keepImages !== 'never') await takeImages(migration, opens(), run.saved)
  await expectEndOfDaemon('cache', 'E2', migration.finishRestore())
  return restored
}

async function preDump({ migration, run, vanished }: Steps, pid: number, step: number) {
  const { mode, test, directory } = run
  const { host } = migration.source
  if (mode.snaps) await migration.snapshot(pid)
  else await migration.preDump(pid)
  await addStatistics(migration, run)
  if (!mode.snaps) await runHook(host, directory, '--post-pre-dump', hookVariables(pid))
  if (!mode.snaps && test.desc.flags.includes('pre-dump-notify')) await notify(host, pid)
  await vanished.takeStep(host, step)
  await pause(mode.pause)
}

async function dump({ migration, run, vanished, opens }: Steps, pid: number): Promise<void> {
  const { mode, directory, relay, dumps } = run
  const { source, destination } = migration
  await runHook(source.host, directory, '--pre-dump', hookVariables(pid))
  await migration.dump(pid, dumpOptions(mode))
  await addStatistics(migration, run)
  await expectEqualImages(opens(), source.daemon.socket, destination.daemon.socket)
  await vanished.expectNoneAtProxy(relay, migration.snapshots, opens())
  if (mode.pre > 0) await expectIncrements(migration, opens(), dumps.slice(-mode.pre - 1))
}

async function checkRestore({ migration, run, vanished, opens }: Steps): Promise<void> {
  const { pre, norst } = run.mode
  if (pre > 0 && !norst) await expectReadThroughChain(migration, opens(), vanished.hasSteps)
  await vanished.expectNoneAtCache(run.relay, migration.snapshots, opens())
}

const hookVariables = (pid: number) => ({ ZDTM_TEST_PID: String(pid) })

function dumpOptions({ norst, stop }: Mode): { leave?: 'running' | 'stopped' } {
  if (norst) return { leave: 'running' }
  return stop ? { leave: 'stopped' } : {}
}

/** Adds the statistics of the newest dump. */
async function addStatistics({ source }: Migration, { dumps }: TestRun): Promise<void> {
  const statistics = await fileOn(source.host, `${source.work}/stats-dump`)
  if (statistics === undefined)
    throw new HostError(
      `reading the statistics of criu on ${source.host.name}: expected stats-dump, got none`,
    )
  const { written, skipped } = decodeDumpStatistics(statistics)
  dumps.push({ written, skipped })
}

/** Throws a Violation unless the daemon ends cleanly. */
async function expectEndOfDaemon(
  role: 'proxy' | 'cache',
  clause: string,
  end: Promise<void>,
): Promise<void> {
  await end.catch(({ message }: Error) => {
    const fault = { clause, side: role }
    throw violation(`the end of the ${role}`, 'exit 0 by itself', message, fault)
  })
}
