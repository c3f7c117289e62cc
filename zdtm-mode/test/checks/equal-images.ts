import { readImage } from '../../../reference/index.ts'
import { expect } from '../finding.ts'
import type { SeenOpen } from '../relay.ts'

/** Throws a Finding unless every image that CRIU wrote is at the cache with the bytes that it has at the proxy. */
export async function expectEqualImages(
  opens: readonly SeenOpen[],
  proxy: string,
  cache: string,
): Promise<void> {
  for (const [snapshotId, name] of writtenImages(opens)) {
    const [there, here] = await Promise.all([
      readImage(proxy, snapshotId, name),
      readImage(cache, snapshotId, name),
    ])
    const what = `image ${snapshotId}:${name}`
    expect(there !== undefined, what, 'it at the proxy', 'ENOENT', 'P1')
    expect(here !== undefined, what, 'it at the cache', 'ENOENT', 'W4')
    const same = there !== undefined && here !== undefined && there.equals(here)
    expect(
      same,
      what,
      `the same ${there?.length} bytes at the cache`,
      `${here?.length} bytes that differ`,
      'W4',
    )
  }
}

/** Snapshot id and name of what was written to the proxy, once each; without what is no image of CRIU. */
export function writtenImages(opens: readonly SeenOpen[]): [string, string][] {
  const written = opens.filter(
    ({ role, purpose, name }) => role === 'proxy' && purpose === 'write' && name.endsWith('.img'),
  )
  return [
    ...new Map(
      written.map(({ snapshotId, name }) => [
        `${snapshotId}/${name}`,
        [snapshotId, name] as [string, string],
      ]),
    ).values(),
  ]
}
