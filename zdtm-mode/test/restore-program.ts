import { type Host, run as runOn } from '../../harness/hosts/host.ts'
import type { Migration } from '../../harness/migration/migration.ts'
import { expectSameTree, type Tree, treeOf } from './checks/process-tree.ts'
import { runHook } from './hooks.ts'
import type { TestRun } from './test-run.ts'

/**
 * Restores the program with its hooks and returns its pid. Throws CriuError, and a Violation if the
 * tree of a static test differs from `before`.
 */
export async function restoreProgram(
  migration: Migration,
  before: Tree,
  { test, mode, directory }: TestRun,
): Promise<number> {
  const { host, mount } = migration.destination
  // With --stop the dump leaves the tree stopped: it is killed, and the restored one is continued.
  if (mode.stop) await signalTree(migration.source.host, before, 'KILL')
  await runHook(host, directory, '--pre-restore')
  const pid = await migration.restore()
  const variables = { ZDTM_TEST_PID: String(pid), ZDTM_IMG_DIR: mount.directory }
  await runHook(host, directory, '--post-restore', variables)
  if (test.name.includes('/static/')) expectSameTree(before, await treeOf(host, pid))
  if (mode.stop) await signalTree(host, before, 'CONT')
  return pid
}

async function signalTree(host: Host, tree: Tree, signal: 'KILL' | 'CONT'): Promise<void> {
  await runOn(host, ['kill', `-${signal}`, ...[...tree.keys()].map(String)])
}
