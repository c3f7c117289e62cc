import t from 'tap'
import { containerPair } from '../hosts/container.ts'
import { type Host, shell } from '../hosts/host.ts'
import { referenceDescriptor } from '../implementation/start.ts'
import { Migration, type MigrationOptions } from '../migration/migration.ts'
import { startTargetProcess } from '../migration/target-process.ts'

/** Two containers for migrations by a real CRIU, with the programs of fixtures/programs/. */
export interface RealPair {
  source: Host
  destination: Host
  /** Starts daemons and mounts between the two hosts; they are stopped with the test. */
  migration(options?: Partial<MigrationOptions>): Promise<Migration>
  /**
   * Starts a fixture program on the source. Returns its pid, and the path of its status file, which
   * is the same on both hosts.
   */
  program(name: 'counter' | 'tree', parameter: number): Promise<{ pid: number; status: string }>
}

/** The directory of the fixture programs, which is at the same path on both hosts. */
const programs = new URL('../../fixtures/programs/', import.meta.url).pathname

/**
 * Runs `scenario` on a pair of privileged containers. If they cannot be started, the scenario is
 * skipped with the reason; with CI=true, which promises a machine that can, it fails.
 */
export async function onRealCriu(scenario: (pair: RealPair) => Promise<void>): Promise<void> {
  const hosts = await startHosts()
  if ('reason' in hosts) {
    if (process.env['CI'] === 'true')
      t.fail(`a real CRIU dump and restore cannot run: ${hosts.reason}`)
    else await t.test('scenarios on a real CRIU', { skip: hosts.reason }, async () => {})
    return
  }
  t.teardown(() => hosts.stop())
  await Promise.all([hosts.source, hosts.destination].map(compile))
  await scenario({
    ...hosts,
    migration: (options = {}) => startMigration(hosts, options),
    program: (name, parameter) => startProgram(hosts.source, name, parameter),
  })
}

/** Returns the status line of a fixture program as words. */
export async function statusOf(host: Host, status: string): Promise<string[]> {
  return (await shell(host, 'cat "$1"', [status])).trim().split(' ')
}

/** Waits until a program has counted beyond `count`. Throws after 30 s. */
export async function countsBeyond(host: Host, status: string, count: number): Promise<void> {
  const script = `timeout 30 sh -c '
    until [ "$(cut -d" " -f2 "$1" 2>/dev/null || echo 0)" -gt "$2" ]; do sleep 0.02; done
  ' sh "$@"`
  await shell(host, script, [status, String(count)])
}

/** Returns the two containers, or the reason why they cannot be started. */
async function startHosts() {
  const left = process.env['CRIU_REMOTE_NO_CONTAINERS']
  if (left) return { reason: left }
  return containerPair().catch((thrown: Error) => ({ reason: thrown.message }))
}

async function compile(host: Host): Promise<void> {
  await shell(host, 'for p in counter tree; do gcc -O2 -o /run/$p "$1/$p.c" || exit; done', [
    programs,
  ])
}

async function startMigration(
  { source, destination }: { source: Host; destination: Host },
  options: Partial<MigrationOptions>,
): Promise<Migration> {
  const migration = await Migration.start({
    source,
    destination,
    descriptor: referenceDescriptor(source),
    criu: 'criu',
    ...options,
  })
  t.teardown(() => migration.stop())
  return migration
}

/** Number of programs so far: each has a status file of its own. */
let started = 0

async function startProgram(
  source: Host,
  name: string,
  parameter: number,
): Promise<{ pid: number; status: string }> {
  const status = `/run/${name}-${++started}.status`
  const pid = await startTargetProcess(source, [`/run/${name}`, status, String(parameter)])
  await countsBeyond(source, status, 10)
  return { pid, status }
}
