import { HostError } from '../../hosts/host.ts'
import { openHosts } from '../../hosts/open-hosts.ts'
import { migrate as migrateProcess } from '../../migration/migrate.ts'
import { Failure, fail } from '../failure.ts'
import { showProgress } from '../progress.ts'
import { onEndingSignal } from '../signals.ts'
import { namedImplementation } from './given-implementation.ts'

/* `criu-remote migrate`: opens both hosts, migrates the process, prints the result as JSON. */

export interface MigrateFlags {
  command?: string
  pid?: number
  setup?: string
  source: string
  destination: string
  implementation?: string
  preDumps: number
  criu: string
  criuOption: string[]
  image?: string
}

export async function migrate(flags: MigrateFlags): Promise<void> {
  if (flags.command === undefined && flags.pid === undefined)
    throw new Failure(2, "expected --command 'SHELL COMMAND' or --pid PID")
  const descriptor = await namedImplementation(flags.implementation)
  const hosts = await openHosts(flags.source, flags.destination, flags.image).catch(fail(3))
  const progress = showProgress()
  const options = { ...flags, ...hosts, ...(descriptor && { descriptor }), progress }
  try {
    const result = await Promise.race([migrateProcess(options), endingSignal()]).catch(
      (thrown: unknown) => fail(thrown instanceof HostError ? 3 : 1)(thrown),
    )
    progress.end()
    process.stdout.write(`${JSON.stringify(result)}\n`)
  } finally {
    progress.end()
    await hosts.stop()
  }
}

/** Rejects when this process is asked to end, so that the hosts are stopped in order. */
function endingSignal(): Promise<never> {
  const { promise, reject } = Promise.withResolvers<never>()
  onEndingSignal((signal) => reject(new Failure(1, `migrating: ended by ${signal}`)))
  return promise
}
