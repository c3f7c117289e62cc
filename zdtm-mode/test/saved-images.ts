import { appendFileSync, mkdirSync, rmSync } from 'node:fs'
import { basename, dirname } from 'node:path'
import { fileOn, shell } from '../../harness/hosts/host.ts'
import type { Migration } from '../../harness/migration/migration.ts'
import { openRead } from '../../reference/index.ts'
import type { AgentLine } from '../plan.ts'
import { writtenImages } from './checks/equal-images.ts'
import type { SeenOpen } from './relay.ts'

/*
 * Images of a test that somebody wants to look at (--keep-img). They are in memory only and end with proxy and cache, which end before the
 * verdict is known: so each is taken before that, and handed over when the verdict asks for it.
 */

/** How long the cache, or the proxy, may take for an image of a test that failed. */
const TIMEOUT = 5_000

/** Adds the images of a migration, as the cache has them, else as the proxy has them, and the logs of criu. */
export async function takeImages(
  { source, destination }: Migration,
  opens: readonly SeenOpen[],
  kept: Map<string, Buffer>,
): Promise<void> {
  for (const [snapshot, name] of writtenImages(opens)) {
    const image =
      (await take(destination.daemon.socket, snapshot, name)) ??
      (await take(source.daemon.socket, snapshot, name))
    if (image !== undefined) kept.set(`${basename(snapshot)}/${basename(name)}`, image)
  }
  for (const { host, work } of [source, destination])
    for (const log of (await shell(host, 'cd "$1" && ls | grep "[.]log$" || :', [work]))
      .split('\n')
      .filter(Boolean))
      kept.set(log, (await fileOn(host, `${work}/${log}`)) ?? Buffer.alloc(0))
}

async function take(server: string, snapshot: string, name: string): Promise<Buffer | undefined> {
  try {
    const reading = await openRead(server, snapshot, name, AbortSignal.timeout(TIMEOUT))
    const pieces: Buffer[] = []
    await reading?.bytes((piece) => pieces.push(piece))
    return reading && Buffer.concat(pieces)
  } catch {
    return undefined
  }
}

/** Writes what the agent hands over below `directory`, in a folder for each test as zdtm.py names them. */
export function writeKept(
  directory: string,
): (piece: Extract<AgentLine, { event: 'kept' }>) => void {
  const begun = new Set<string>()
  return ({ name, flavor, file, base64 }) => {
    const path = `${directory}/${name.replaceAll('/', '_')}_${flavor}/${file}`
    if (!begun.has(path)) {
      begun.add(path)
      mkdirSync(dirname(path), { recursive: true })
      rmSync(path, { force: true })
    }
    appendFileSync(path, Buffer.from(base64, 'base64'))
  }
}
