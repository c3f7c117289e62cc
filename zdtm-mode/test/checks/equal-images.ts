import { readImage } from '../../../reference/index.ts'
import type { SeenOpen } from '../relay.ts'
import { expect } from './expect.ts'

/**
 * Throws a Violation unless the cache has every image that CRIU wrote, with the bytes that the
 * proxy has.
 */
export async function expectEqualImages(
  opens: readonly SeenOpen[],
  proxy: string,
  cache: string,
): Promise<void> {
  for (const [snapshot, name] of writtenImages(opens)) {
    const [source, copy] = await Promise.all([
      readImage(proxy, snapshot, name),
      readImage(cache, snapshot, name),
    ])
    expectEqual(`image ${snapshot}:${name}`, source, copy)
  }
}

function expectEqual(what: string, source: Buffer | undefined, copy: Buffer | undefined): void {
  const forwarded = { clause: 'W4', side: 'pair' } as const
  expect(source !== undefined, what, 'it at the proxy', 'ENOENT', { clause: 'P1', side: 'proxy' })
  expect(copy !== undefined, what, 'it at the cache', 'ENOENT', forwarded)
  const permitted = `the same ${source.length} bytes at the cache`
  expect(source.equals(copy), what, permitted, `${copy.length} bytes that differ`, forwarded)
}

/** Returns snapshot id and name of each image that CRIU wrote to the proxy, once each. */
export function writtenImages(opens: readonly SeenOpen[]): [snapshot: string, name: string][] {
  const images = new Map<string, [string, string]>()
  for (const { role, purpose, snapshotId, name } of opens)
    if (role === 'proxy' && purpose === 'write' && name.endsWith('.img'))
      images.set(`${snapshotId}/${name}`, [snapshotId, name])
  return [...images.values()]
}
