import { hasFeature } from '../criu/criu.ts'
import { type Host, HostError, output, shell } from '../hosts/host.ts'
import type { Descriptor } from '../implementation/descriptor.ts'
import { referenceDescriptor } from '../implementation/start.ts'
import { imagesOnDisk, markTime } from './images-on-disk.ts'
import { Migration } from './migration.ts'
import type { WrittenImage } from './start-mount.ts'
import { isAlive, residentBytes, startTargetProcess } from './target-process.ts'

/** How a migration is shown to a person. */
export interface Progress {
  phase(text: string): void
  /** Before images come: about how many bytes they will be. */
  expect(bytes: number): void
  image(written: WrittenImage): void
}

export interface MigrateOptions {
  source: Host
  destination: Host
  /** A shell command to start and migrate, unless `pid` names a process. */
  command?: string
  pid?: number
  /** A shell command for both hosts, first. */
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
  filesOnDisk: number
  /** From the start of the last dump to the end of the restore, as seen from here. */
  frozenMs: number
  totalMs: number
}

/** Migrates one process. Throws HostError or CriuError; the process then runs on at the source, unless it was restored. */
export async function migrate(options: MigrateOptions): Promise<MigrateResult> {
  const { source, destination, progress, preDumps, criu } = options
  const begun = performance.now()
  for (const host of [source, destination]) await output(host, [criu, '--version'])
  if (preDumps > 0 && !(await hasFeature(source, criu, 'mem_dirty_track'))) {
    throw new HostError(
      `migrating with ${preDumps} pre-dumps: the kernel of ${source.name} does not track memory (criu check --feature mem_dirty_track)`,
    )
  }
  if (options.setup !== undefined)
    for (const host of [source, destination]) await shell(host, options.setup)
  const marks = await Promise.all([source, destination].map(markTime))
  const pid =
    options.pid ?? (await startTargetProcess(source, ['sh', '-c', options.command as string]))
  progress.phase(`process ${pid} runs on ${source.name}`)

  const written: WrittenImage[] = []
  const migration = await Migration.start({
    source,
    destination,
    descriptor: options.descriptor ?? referenceDescriptor(source),
    criu,
    criuOptions: options.criuOption,
    onImage(image) {
      written.push(image)
      progress.image(image)
    },
  })
  try {
    const frozenMs = await takeAcross(migration, pid, options)
    const found = await Promise.all(
      [source, destination].map((host, side) =>
        imagesOnDisk(host, marks[side] as string, mountOf(migration, side)),
      ),
    )
    return {
      migrated: true,
      pid,
      images: written.length,
      bytes: written.reduce((sum, { bytes }) => sum + bytes, 0),
      filesOnDisk: found.flat().length,
      frozenMs: Math.round(frozenMs),
      totalMs: Math.round(performance.now() - begun),
    }
  } finally {
    await migration.stop()
  }
}

async function takeAcross(
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

function mountOf(migration: Migration, side: number): string {
  return (side === 0 ? migration.source : migration.destination).mount.directory
}
