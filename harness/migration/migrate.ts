import { hasFeature } from '../criu/criu.ts'
import { type Host, HostError, output, shell } from '../hosts/host.ts'
import type { Descriptor } from '../implementation/descriptor.ts'
import { referenceDescriptor } from '../implementation/start.ts'
import { imagesOnDisk, markTime } from './images-on-disk.ts'
import { Migration } from './migration.ts'
import type { WrittenImage } from './start-mount.ts'
import { isAlive, residentBytes, startTargetProcess } from './target-process.ts'

/** Shows a migration to a person. */
export interface Progress {
  phase(text: string): void
  /** Announces about how many bytes of images follow. */
  expect(bytes: number): void
  /** Reports one image that was written. */
  image(written: WrittenImage): void
}

export interface MigrateOptions {
  source: Host
  destination: Host
  /** A shell command to start and migrate; needed unless `pid` names a process. */
  command?: string
  pid?: number
  /** A shell command that both hosts run first. */
  setup?: string
  descriptor?: Descriptor
  preDumps: number
  criu: string
  criuOption: readonly string[]
  progress: Progress
}

export interface MigrateResult {
  migrated: true
  pid: number
  images: number
  bytes: number
  /** How many images became files on either host. */
  filesOnDisk: number
  /** Time from the start of the last dump to the end of the restore, measured in this process. */
  frozenMs: number
  totalMs: number
}

/**
 * Migrates one process. Throws HostError or CriuError; unless it was restored, the process then
 * runs on at the source.
 */
export async function migrate(options: MigrateOptions): Promise<MigrateResult> {
  const { source, destination, progress } = options
  const begun = performance.now()
  await prepareHosts(options)
  const marks = await Promise.all([source, destination].map(markTime))
  const pid =
    options.pid ?? (await startTargetProcess(source, ['sh', '-c', options.command as string]))
  progress.phase(`process ${pid} runs on ${source.name}`)
  const written: WrittenImage[] = []
  const migration = await startMigration(options, written)
  try {
    const frozenMs = await migrateProcess(migration, pid, options)
    return {
      migrated: true,
      pid,
      images: written.length,
      bytes: written.reduce((sum, { bytes }) => sum + bytes, 0),
      filesOnDisk: (await filesOfImages(migration, marks)).length,
      frozenMs: Math.round(frozenMs),
      totalMs: Math.round(performance.now() - begun),
    }
  } finally {
    await migration.stop()
  }
}

/**
 * Checks that both hosts have CRIU and that pre-dumps are possible, then runs the setup command.
 */
async function prepareHosts({
  source,
  destination,
  setup,
  preDumps,
  criu,
}: MigrateOptions): Promise<void> {
  for (const host of [source, destination]) await output(host, [criu, '--version'])
  if (preDumps > 0 && !(await hasFeature(source, criu, 'mem_dirty_track'))) {
    throw new HostError(
      `migrating with ${preDumps} pre-dumps: the kernel of ${source.name} does not track memory (criu check --feature mem_dirty_track)`,
    )
  }
  if (setup !== undefined) for (const host of [source, destination]) await shell(host, setup)
}

/** Starts daemons and mounts, and records each written image in `written`. */
function startMigration(options: MigrateOptions, written: WrittenImage[]): Promise<Migration> {
  const { source, destination, descriptor, criu, criuOption, progress } = options
  return Migration.start({
    source,
    destination,
    descriptor: descriptor ?? referenceDescriptor(source),
    criu,
    criuOptions: criuOption,
    onImage(image) {
      written.push(image)
      progress.image(image)
    },
  })
}

/** Takes the process from the source to the destination. Returns how long it was frozen, in ms. */
async function migrateProcess(
  migration: Migration,
  pid: number,
  { source, destination, preDumps, progress }: MigrateOptions,
): Promise<number> {
  progress.phase('proxy and cache are connected')
  for (let round = 1; round <= preDumps; round++) {
    progress.phase(`pre-dump ${round} of ${preDumps}`)
    await migration.preDump(pid)
  }
  progress.phase('dump: images are forwarded from memory to memory')
  progress.expect(await residentBytes(source, pid))
  const frozen = performance.now()
  await migration.dump(pid)
  await migration.finishDump()
  progress.phase('every image is in the cache; the process at the source is gone')
  const restored = await migration.restore()
  const frozenMs = performance.now() - frozen
  await migration.finishRestore()
  if (restored !== pid || !(await isAlive(destination, pid)))
    throw new HostError(
      `restoring on ${destination.name}: expected process ${pid} to run, got ${restored}`,
    )
  progress.phase(`restore: process ${pid} runs on ${destination.name}`)
  return frozenMs
}

/** Returns the paths of images that became files on either host, outside the mounts. */
async function filesOfImages(
  { source, destination }: Migration,
  marks: readonly string[],
): Promise<string[]> {
  const found = await Promise.all(
    [source, destination].map(({ host, mount }, side) =>
      imagesOnDisk(host, marks[side] as string, mount.directory),
    ),
  )
  return found.flat()
}
