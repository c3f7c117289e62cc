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

/* What cases for the cache do again and again. */

/** Dialects in which an append is forwarded as its new bytes under the size of the whole image; in the others, whole. */
export const appendsNewBytes = ['criu-2017', 'criu-2019', 'criu-2020']
export const appendsWhole = ['ours', 'auto']

/** A header and the image's bytes, as one buffer. */
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
 * A client sends what none may send: its connection must end, without a byte of an image, while a client that waits and the
 * connection to the proxy don't notice. `close`: the client also ends its side, since what it sent may be taken for a beginning.
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
  const image = Buffer.from('an image for who waited meanwhile')
  await cache.forward('1', `waited-for-${what}`, image)
  expectImage(
    await cache.answer(waiter, 'the answer to a client that waited meanwhile'),
    image,
    'F6',
  )
  await cache.stillServes('F6')
}

/**
 * Lets the cache see what clients asked before: one that sends an empty message is refused, after them. For at most 300 ms, since
 * a cache without a proxy may as well let all clients wait: then it has not answered any wrongly either.
 */
export async function letItSee(cache: CacheUnderTest): Promise<void> {
  const last = await cache.connect()
  await last.send(Buffer.alloc(4), 'an empty message')
  await Promise.race([last.untilEnd(), new Promise((resolve) => setTimeout(resolve, 300))])
  last.reset()
}

export interface LinkLoss {
  /** What is sent behind a complete image, in the same segment. */
  bytes: Buffer
  /** How the connection is then lost; `stay`: not at all, the cache has to end it. */
  how: 'end' | 'reset' | 'stay'
  /** Clause that makes this a failure. */
  clause: string
}

/** Where images of a lost link would be: never served. */
export const PARTIAL = 'partial.img'
export const NEVER = 'never.img'

/**
 * The link is lost: who waits gets ENOENT, nothing partial is served, what was complete is, and the cache ends with a failure once
 * the restore is finished; it writes nothing on the link at any time.
 */
export async function linkIsLost(
  cache: CacheUnderTest,
  { bytes, how, clause }: LinkLoss,
): Promise<void> {
  const held = Buffer.from('complete before the link was lost')
  const waiters = [await cache.openRead('1', PARTIAL), await cache.openRead('1', NEVER)]
  await cache.link.send(Buffer.concat([imageOnLink('1', 'held.img', held), bytes]))
  await cache.serves('1', 'held.img', held, 'C1')
  if (how === 'end') cache.closeLink()
  if (how === 'reset') cache.resetLink()
  for (const waiter of waiters)
    expectMissing(
      await cache.answer(waiter, 'the answer to a client that waited when the link was lost'),
      clause,
    )
  for (const name of [PARTIAL, NEVER]) expectMissing(await cache.read('1', name), clause)
  await cache.serves('1', 'held.img', held, 'C1')
  if (how === 'stay') cache.closeLink()
  await cache.finishRestore()
  await cache.failedExit(clause)
  demand(
    cache.link.received.length === 0,
    'the link',
    { outcome: 'no byte from the cache', clause: 'W2' },
    `${cache.link.received.length} bytes`,
  )
}
