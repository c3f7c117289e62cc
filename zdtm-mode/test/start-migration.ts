import { referenceDescriptor } from '../../harness/implementation/start.ts'
import { Migration, type MigrationOptions } from '../../harness/migration/migration.ts'
import type { TestMachine } from '../agent/test-machine.ts'
import { MOUNT, type Mode } from '../plan.ts'
import { mountBy } from './mount-from-agent.ts'
import type { TestHost } from './test-hosts.ts'
import type { TestRun } from './test-run.ts'

/** The fault of CRIU that makes it step from system call to system call (FI_NO_BREAKPOINTS). */
const STEPPING = 130
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
    ...criuEnvironment(mode, machine),
    mount: mountBy(`${programs}/${MOUNT}`, machine.ports),
    async interpose({ role, socket }) {
      const path = `${directory.hosts}/relay-${iteration}-${role}`
      await relay.relay(role, path, socket)
      return path
    },
  })
}

/**
 * Returns the option for the environment of CRIU. CRIU takes one fault, so the fault of the user
 * replaces stepping.
 */
function criuEnvironment(
  { fault }: Mode,
  { criuSteps }: TestMachine,
): Pick<MigrationOptions, 'criuEnvironment'> {
  const number = fault ?? (criuSteps ? STEPPING : undefined)
  return number === undefined ? {} : { criuEnvironment: { CRIU_FAULT: String(number) } }
}
