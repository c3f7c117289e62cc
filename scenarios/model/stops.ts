import {
  type Answer,
  type DaemonContext,
  demand,
  describe,
  O_APPEND,
  O_WRONLY,
  type ProxyUnderTest,
  sha256,
  show,
} from '../../harness/conformance/index.ts'

/*
 * Steps of cases that stop the daemon (`whileStopped`). In a stop, connections, bytes and closes
 * wait in the kernel in the order of the client's work. Threads and processes of a daemon that goes
 * on then race for them, so a stop with several images, and a few stops, find a fault for which one
 * image in one stop would need luck.
 */

/** Repetitions where the suite cannot stop the daemon, so that only numbers find a fault. */
const WITHOUT_STOPS = 20

/** Returns how often a case repeats its work: `stops` times if the daemon can be stopped. */
export const rounds = (side: DaemonContext, stops = 1): number =>
  side.daemon.canBeStopped ? stops : WITHOUT_STOPS

/** Bytes of an image that fits into the buffer of a UNIX socket, beside its header. */
export const FITS = 100_000

/** A write or append of one client. */
export interface Write {
  snapshotId?: string
  name: string
  bytes: Buffer
  openMode?: number
}

/** Writes images; each is opened after the close of the one before. */
export async function writeInTurn(side: DaemonContext, writes: readonly Write[]): Promise<void> {
  for (const { snapshotId = '1', name, bytes, openMode = O_WRONLY } of writes)
    await side.write(snapshotId, name, bytes, openMode)
}

/** Returns the image that a cache has after all that was forwarded; undefined if it has none. */
function imageAtCache({ fakeCache }: ProxyUnderTest, name: string): Buffer | undefined {
  const { appendsCountAll, images } = fakeCache
  return images
    .filter((image) => image.name === name)
    .reduce<Buffer | undefined>(
      (before, { bytes, openMode }) =>
        appendsCountAll && openMode & O_APPEND
          ? Buffer.concat([before ?? Buffer.alloc(0), bytes])
          : bytes,
      undefined,
    )
}

/** Demands that the link has made this image of all that was forwarded of it. */
export function expectAtCache(
  proxy: ProxyUnderTest,
  name: string,
  bytes: Buffer,
  clause: string,
): void {
  const last = imageAtCache(proxy, name)
  demand(
    last?.equals(bytes) === true,
    `the image ${name} that the link makes of all its writes and appends`,
    { outcome: `${bytes.length} bytes, its last version`, clause },
    last === undefined ? 'nothing of it on the link' : `${last.length} bytes, another version`,
  )
}

/**
 * Waits until these images are forwarded, and demands that they come in this order: each was closed
 * before the connection of the next was opened (W5).
 */
export async function expectInTurn(proxy: ProxyUnderTest, names: readonly string[]): Promise<void> {
  for (const name of names) await proxy.forwarded(name)
  const placeOf = (name: string) => proxy.fakeCache.images.findIndex((each) => each.name === name)
  for (const [at, name] of names.entries()) {
    const before = names[at - 1]
    if (before === undefined) continue
    demand(
      placeOf(before) < placeOf(name),
      'the order of images on the link',
      { outcome: `${before}, then ${name}, which was opened after its close`, clause: 'W5' },
      `${name}, then ${before}, which was closed before ${name} was opened`,
    )
  }
}

/** Demands a version whole, or none of its bytes: the read came too late to be served. */
export function expectWholeOrDropped(answer: Answer, bytes: Buffer, clause: string): void {
  const { error, size, hash, end } = answer
  const isWhole = error === 0 && end === 'end' && size === bytes.length && hash === sha256(bytes)
  const isPart = error === 0 && end === 'reset'
  const isDropped = error !== 0 && size === 0
  demand(
    isWhole || isPart || isDropped,
    'the answer to a read whose request the daemon had not read at the finish',
    [
      { outcome: `error 0, ${bytes.length} bytes, and a close`, clause },
      { outcome: 'no reply, or a reset', clause },
    ],
    describe(answer),
  )
}

/** Demands one of these versions of an image that a read may get, oldest first. */
export function expectFromVersionOn(
  answer: Answer,
  [snapshotId, name]: readonly [string, string],
  versions: readonly Buffer[],
  clause: string,
): void {
  const found = versions.some(
    (bytes) => answer.size === bytes.length && answer.hash === sha256(bytes),
  )
  const oldest = versions[0]?.length ?? 0
  demand(
    answer.error === 0 && answer.end === 'end' && found,
    `a read of ${show(snapshotId, name)}, opened after the close of its version of ${oldest} bytes`,
    { outcome: `that version or a later one, whole`, clause },
    describe(answer),
  )
}
