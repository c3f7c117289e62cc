import {
  type Answer,
  type DaemonContext,
  describe,
  ENOENT,
  expectImage,
  type PairUnderTest,
  sha256,
  show,
  Violation,
} from '../../harness/conformance/index.ts'

/* Steps that several cases for the pair share. */

export type Side = DaemonContext

/**
 * Whether an answer is exactly this image. Compares checksums: the bytes of large ones are not
 * kept.
 */
export const isImage = (answer: Answer, bytes: Buffer): boolean =>
  answer.error === 0 &&
  answer.end === 'end' &&
  answer.size === bytes.length &&
  answer.hash === sha256(bytes)

/**
 * Reads all images at once, so that a daemon that is slow to reply does not exceed the deadline.
 */
export async function servesAll(
  side: Side,
  images: readonly { snapshotId: string; name: string; bytes: Buffer }[],
  clause: string,
): Promise<void> {
  const readers = await Promise.all(
    images.map(({ snapshotId, name }) => side.openRead(snapshotId, name)),
  )
  for (const [at, { snapshotId, name, bytes }] of images.entries()) {
    const what = `a read of ${show(snapshotId, name)} at the ${side.role}`
    expectImage(await side.answer(readers[at] as (typeof readers)[0], what), bytes, clause, what)
  }
}

/**
 * Reads until this version is served: a write has no answer, so only a read shows that it is
 * complete. Until then a proxy answers ENOENT or the version before, and a cache answers the
 * version before or lets the client wait. Throws Violation for any other answer.
 */
export async function untilServed(
  side: Side,
  snapshotId: string,
  name: string,
  bytes: Buffer,
  clause: string,
  before?: Buffer,
): Promise<void> {
  const image = show(snapshotId, name)
  const what = `a read of ${image} at the ${side.role}`
  const permitted = [
    { outcome: `its ${bytes.length} bytes`, clause },
    before === undefined
      ? { outcome: 'ENOENT until it is complete', clause: 'L7' }
      : { outcome: `the ${before.length} bytes that it had before`, clause: 'L7' },
  ]
  const poll = async () => {
    for (;;) {
      const answer = await side.read(snapshotId, name)
      if (isImage(answer, bytes)) return
      const early =
        before === undefined
          ? answer.error === ENOENT && answer.size === 0
          : isImage(answer, before)
      if (!early) throw new Violation(what, permitted, describe(answer))
    }
  }
  return side.waitFor(what, permitted[0] as (typeof permitted)[0], poll())
}

/** Writes an image to the proxy and waits until the cache serves it. */
export async function migrate(
  { proxy, cache }: PairUnderTest,
  snapshotId: string,
  name: string,
  bytes: Buffer,
): Promise<void> {
  await proxy.write(snapshotId, name, bytes)
  expectImage(
    await cache.read(snapshotId, name),
    bytes,
    'W5',
    `a read of ${show(snapshotId, name)} at the cache`,
  )
}

/** Finishes the dump, and demands that the proxy exits with 0. */
export async function finishDump({ proxy, names }: PairUnderTest): Promise<void> {
  proxy.life.allowExit('the dump is finished')
  await proxy.write(names.nullId, names.dumpFinish, Buffer.alloc(0))
  await proxy.cleanExit()
}

/** Finishes the restore, and demands that the cache exits with 0. */
export async function finishRestore({ cache, names }: PairUnderTest): Promise<void> {
  cache.life.allowExit('the restore is finished')
  await cache.openRead(names.nullId, names.restoreFinish)
  await cache.cleanExit()
}
