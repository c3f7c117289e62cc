import {
  type CacheUnderTest,
  demand,
  expectImage,
  expectMissing,
  expectRefused,
  header,
  O_APPEND,
  O_WRONLY,
} from '../../harness/conformance/index.ts'

/* Steps that several cases for the cache share. */

/** Dialects in which an append is forwarded as its new bytes under the size of the whole image. */
export const appendsNewBytes = ['criu-2017', 'criu-2019', 'criu-2020']
/** Dialects in which an append is forwarded as the whole image. */
export const appendsWhole = ['ours', 'auto']

/** Returns a header and the bytes of its image as one buffer. */
export const imageOnLink = (
  snapshotId: string,
  name: string,
  bytes: Buffer,
  openMode = O_WRONLY,
): Buffer => Buffer.concat([header({ snapshotId, name, openMode, size: bytes.length }), bytes])

/** Forwards an append to an image, in the form of the dialect. */
export async function forwardAppend(
  cache: CacheUnderTest,
  snapshotId: string,
  name: string,
  before: Buffer,
  more: Buffer,
): Promise<void> {
  const size = before.length + more.length
  const body = appendsNewBytes.includes(cache.dialect) ? more : Buffer.concat([before, more])
  await cache.link.send(
    Buffer.concat([header({ snapshotId, name, openMode: O_APPEND, size }), body]),
    `append to ${name}`,
  )
}

/**
 * Sends illegal bytes as a client. Demands that its connection ends without image bytes, and that a
 * waiting client and the link are not affected. With `close` the client also ends its side, because
 * its bytes could be the beginning of a legal header.
 */
export async function refusedAlone(
  cache: CacheUnderTest,
  bytes: Buffer,
  { close = false, what = '' } = {},
): Promise<void> {
  const waiter = await cache.openRead('1', `waited-for-${what}`)
  const client = await cache.connect()
  await client.send(bytes, what)
  if (close) await client.end()
  const permitted = { outcome: 'the end of that connection', clause: 'F6' }
  expectRefused(
    await cache.waitFor(
      `the end of a connection that sent ${what || 'no header'}`,
      permitted,
      client.answer(),
    ),
    'F6',
  )
  const image = Buffer.from('an image for the waiting client')
  await cache.forward('1', `waited-for-${what}`, image)
  expectImage(await cache.answer(waiter, 'the answer to another client that waits'), image, 'F6')
  await cache.stillServes('F6')
}

/**
 * Lets the cache see the requests of earlier clients: a client after them sends an empty message
 * and is refused. Waits for 300 ms at most: a cache without a proxy may let this client wait as
 * well, and then it has answered no other one wrongly either.
 */
export async function letItSee(cache: CacheUnderTest): Promise<void> {
  const last = await cache.connect()
  await last.send(Buffer.alloc(4), 'an empty message')
  await Promise.race([last.untilEnd(), new Promise((resolve) => setTimeout(resolve, 300))])
  last.reset()
}

/** A way to lose the link. */
export interface LinkLoss {
  /** The bytes after a complete image, in the same segment. */
  bytes: Buffer
  /** The way in which the link is lost then; with `stay` it stays, and the cache has to end it. */
  how: 'end' | 'reset' | 'stay'
  /** The clause by which this is a failure. */
  clause: string
}

/** Names of images that a lost link leaves incomplete, so that they are never served. */
export const PARTIAL = 'partial.img'
export const NEVER = 'never.img'

/**
 * Loses the link. Demands that waiting clients get ENOENT, that complete images are served and
 * partial ones are not, that the cache writes nothing on the link, and that it exits after the
 * restore is finished, as failed if it can (E4).
 */
export async function linkIsLost(
  cache: CacheUnderTest,
  { bytes, how, clause }: LinkLoss,
): Promise<void> {
  const held = Buffer.from('complete before the link was lost')
  const waiters = [await cache.openRead('1', PARTIAL), await cache.openRead('1', NEVER)]
  const what = 'the answer to a client that waited when the link was lost'
  await cache.link.send(Buffer.concat([imageOnLink('1', 'held.img', held), bytes]))
  await cache.serves('1', 'held.img', held, 'C2')
  if (how === 'end') cache.closeLink()
  if (how === 'reset') cache.resetLink()
  const ended = { outcome: 'ENOENT and a close', clause: how === 'stay' ? clause : 'C3' }
  for (const waiter of waiters) expectMissing(await cache.answer(waiter, what, ended), clause, what)
  for (const name of [PARTIAL, NEVER]) expectMissing(await cache.read('1', name), clause)
  await cache.serves('1', 'held.img', held, 'C1')
  if (how === 'stay') cache.closeLink()
  await cache.finishRestore()
  const { code } = await cache.exit({ clause: 'E2' })
  demand(
    cache.link.received.length === 0,
    'the link',
    { outcome: 'no byte from the cache', clause: 'W2' },
    `${cache.link.received.length} bytes, and exit ${code}`,
  )
  await cache.failedExit()
}
