import { referenceDescriptor } from '../../harness/implementation/start.ts'
import { Migration } from '../../harness/migration/migration.ts'
import { MOUNT } from '../plan.ts'
import { mountBy } from './mount-from-agent.ts'
import type { TestHost } from './test-hosts.ts'
import type { TestRun } from './test-run.ts'

/** Deadline of one criu, in ms for each second of the test's own timeout: 120 s for the default. */
const CRIU_PATIENCE = 4_000

/** Starts proxy, cache and mounts for a test, with a relay at each daemon. Throws HostError. */
export function startMigration(
  source: TestHost,
  destination: TestHost,
  { test, mode, directory, relay, programs, machine }: TestRun,
  iteration: number,
): Promise<Migration> {
  const root = test.flavor === 'h' ? [] : ['--root', directory.root]
  return Migration.start({
    source: source.host,
    destination: destination.host,
    daemonHosts: { source: source.daemonHost, destination: destination.daemonHost },
    descriptor: mode.descriptor ?? referenceDescriptor(source.daemonHost),
    criu: mode.criu,
    criuOptions: [...root, ...test.desc.opts],
    dumpOptions: test.desc.dopts,
    restoreOptions: test.desc.ropts,
    criuTimeout: test.desc.timeout * CRIU_PATIENCE,
    ...(mode.fault !== undefined && { criuEnvironment: { CRIU_FAULT: String(mode.fault) } }),
    mount: mountBy(`${programs}/${MOUNT}`, machine.ports),
    async interpose({ role, socket }) {
      const path = `${directory.hosts}/relay-${iteration}-${role}`
      await relay.relay(role, path, socket)
      return path
    },
  })
}
