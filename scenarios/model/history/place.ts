import {
  type CacheUnderTest,
  type Connection,
  type DaemonContext,
  demand,
  header,
  localImage,
  O_APPEND,
  O_WRONLY,
  type PairUnderTest,
  type ProxyUnderTest,
} from '../../../harness/conformance/index.ts'
import { appendsNewBytes } from '../cache.ts'
import type { SideName } from '../steps.ts'
import type { Image, Recording } from './recording.ts'

/*
 * The place of a run: a proxy, a cache or both. Writes go to the proxy; at a cache alone they go on
 * the link, whose proxy the harness is.
 */

/** Notes the moments of a write. */
export interface CloseMoments {
  /** On the link an image is opened when its header is sent. */
  opening(): void
  closing(): void
  closed(): void
}

/** The open write of one client. */
export interface Sink {
  send(bytes: Buffer): Promise<void>
  close(how: 'half' | 'full', moments: CloseMoments): Promise<void>
  leave(): void
}

export interface Place {
  readonly context: ProxyUnderTest | CacheUnderTest | PairUnderTest
  readonly sides: Partial<Record<SideName, DaemonContext>>
  /** Whether the link is seen. */
  readonly seesLink: boolean
  openWrite(image: Image, mode: 'write' | 'append'): Promise<Sink>
  /** Sends an image after all others; resolves when it has come. */
  mark(name: string): Promise<void>
  /** Notes the versions that come on the link, until the returned function is called. */
  watch(recording: Recording): () => void
  /** Does some work while the link takes no bytes; undefined where a stop does the same. */
  stalled?(work: () => Promise<void>): Promise<void>
  /** Completes the image that is half sent on the link, if the harness sends there. */
  flush(): Promise<void>
  /** Sends the finish, or ends the link of a cache. */
  finish(connection?: Connection): Promise<void>
  /** Waits for the end of the link. */
  ended(): Promise<void>
  /** Demands that the daemons exit with 0. */
  exit(): Promise<void>
}

/** The finish of a dump at a proxy. */
async function finishAt(proxy: DaemonContext, connection?: Connection): Promise<void> {
  proxy.life.allowExit('the dump is finished')
  const { nullId, dumpFinish } = proxy.names
  const client = connection ?? (await proxy.connect())
  const frame = { snapshotId: nullId, name: dumpFinish, openMode: O_WRONLY }
  await client.send(localImage.encode(frame), 'the finish')
  await client.end()
}

async function openWriteAt(
  proxy: DaemonContext,
  { snapshotId, name }: Image,
  mode: 'write' | 'append',
): Promise<Sink> {
  const openMode = mode === 'append' ? O_APPEND : O_WRONLY
  const connection = await proxy.openWrite(snapshotId, name, openMode)
  return {
    send: (bytes) => connection.send(bytes),
    async close(how, { closing, closed }) {
      closing()
      if (how === 'half') await connection.end()
      else await destroyed(connection)
      closed()
    },
    leave: () => connection.reset(),
  }
}

/** Closes both directions, as CRIU does. */
function destroyed({ socket }: Connection): Promise<void> {
  if (socket.closed) return Promise.resolve()
  return new Promise((resolve) => {
    socket.once('close', () => resolve()).destroy()
  })
}

export class ProxyPlace implements Place {
  readonly context: ProxyUnderTest
  readonly sides: { proxy: ProxyUnderTest }
  readonly seesLink = true

  constructor(proxy: ProxyUnderTest) {
    this.context = proxy
    this.sides = { proxy }
  }

  openWrite(image: Image, mode: 'write' | 'append'): Promise<Sink> {
    return openWriteAt(this.context, image, mode)
  }

  async mark(name: string): Promise<void> {
    await this.context.store('mark', name, Buffer.from(name))
  }

  watch(recording: Recording): () => void {
    let isOver = false
    const { fakeCache } = this.context
    const { images } = fakeCache
    const held = new Map<string, Buffer>()
    let noted = images.length
    const note = () => {
      for (; noted < images.length; noted++) {
        const { snapshotId, name, openMode, bytes } = images[noted] as (typeof images)[0]
        const key = JSON.stringify([snapshotId, name])
        const before = held.get(key) ?? recording.baseOf({ snapshotId, name })
        const isMore = fakeCache.appendsCountAll && (openMode & O_APPEND) !== 0
        const whole = isMore ? Buffer.concat([before, bytes]) : bytes
        held.set(key, whole)
        const came = recording.now()
        recording.forward({ snapshotId, name }, { place: noted + 1, came, bytes: whole })
      }
      return isOver
    }
    // A breach on the link is thrown by the waits for the mark or for the end as well.
    void fakeCache.until(note).catch(() => {})
    return () => {
      isOver = true
    }
  }

  async stalled(work: () => Promise<void>): Promise<void> {
    const { fakeCache } = this.context
    if (fakeCache.ended !== undefined) return work()
    fakeCache.pause()
    await work().finally(() => fakeCache.resume())
  }

  async flush(): Promise<void> {}

  finish(connection?: Connection): Promise<void> {
    return finishAt(this.context, connection)
  }

  async ended(): Promise<void> {
    const permitted = { outcome: 'an end of stream between two images', clause: 'W6' }
    const { fakeCache } = this.context
    const how = await fakeCache.untilEnd()
    const ends = { end: '', truncated: 'an end inside a header or an image', reset: 'a reset' }
    demand(how === 'end', 'the end of the link', permitted, ends[how])
  }

  exit(): Promise<void> {
    return this.context.cleanExit()
  }
}

export class PairPlace implements Place {
  readonly context: PairUnderTest
  readonly sides: { proxy: DaemonContext; cache: DaemonContext }
  readonly seesLink = false

  constructor(pair: PairUnderTest) {
    this.context = pair
    this.sides = { proxy: pair.proxy, cache: pair.cache }
  }

  openWrite(image: Image, mode: 'write' | 'append'): Promise<Sink> {
    return openWriteAt(this.context.proxy, image, mode)
  }

  async mark(name: string): Promise<void> {
    const { proxy, cache } = this.context
    await proxy.write('mark', name, Buffer.from(name))
    await cache.serves('mark', name, Buffer.from(name), 'C2')
  }

  watch(): () => void {
    return () => {}
  }

  async flush(): Promise<void> {}

  finish(connection?: Connection): Promise<void> {
    return finishAt(this.context.proxy, connection)
  }

  async ended(): Promise<void> {}

  async exit(): Promise<void> {
    await this.context.proxy.cleanExit()
    await this.context.cache.cleanExit()
  }
}

export class CachePlace implements Place {
  readonly context: CacheUnderTest
  readonly sides: { cache: CacheUnderTest }
  readonly seesLink = false
  /** The versions that were sent. */
  readonly #sent = new Map<string, Buffer>()
  /** Sends the rest of the image that is half sent. */
  #rest = async () => {}
  #isOpen = true

  constructor(cache: CacheUnderTest) {
    this.context = cache
    this.sides = { cache }
  }

  /** Collects the bytes; they are sent at the close, because the link takes one image at a time. */
  async openWrite(image: Image, mode: 'write' | 'append'): Promise<Sink> {
    if (!this.#isOpen) throw new Error('the link has ended')
    const pieces: Buffer[] = []
    return {
      send: async (piece) => void pieces.push(piece),
      close: (how, moments) => this.#forward(image, mode, Buffer.concat(pieces), how, moments),
      leave() {},
    }
  }

  /** Sends an image; after a full close, only a half of it at first. */
  async #forward(
    image: Image,
    mode: 'write' | 'append',
    own: Buffer,
    how: 'half' | 'full',
    { opening, closing, closed }: CloseMoments,
  ): Promise<void> {
    await this.#rest()
    if (!this.#isOpen) return
    opening()
    const { link, dialect } = this.context
    const key = JSON.stringify(image)
    const before = this.#sent.get(key) ?? Buffer.alloc(0)
    const whole = mode === 'append' ? Buffer.concat([before, own]) : own
    this.#sent.set(key, whole)
    const body = mode === 'append' && appendsNewBytes.includes(dialect) ? own : whole
    const openMode = mode === 'append' ? O_APPEND : O_WRONLY
    const bytes = Buffer.concat([header({ ...image, openMode, size: whole.length }), body])
    const half = how === 'half' ? 0 : Math.floor(bytes.length / 2)
    if (half > 0) await link.send(bytes.subarray(0, half), `half of ${image.name}`)
    this.#rest = async () => {
      this.#rest = async () => {}
      closing()
      await link.send(bytes.subarray(half), image.name)
      closed()
    }
    if (half === 0) await this.#rest()
  }

  async mark(name: string): Promise<void> {
    await this.#rest()
    await this.context.forward('mark', name, Buffer.from(name))
    await this.context.serves('mark', name, Buffer.from(name), 'C2')
  }

  watch(): () => void {
    return () => {}
  }

  flush(): Promise<void> {
    return this.#rest()
  }

  /** A link that ends before its first frame was perhaps no proxy (W9), so an image comes first. */
  async finish(): Promise<void> {
    await this.context.forward('mark', 'last', Buffer.alloc(0))
    this.context.closeLink()
    this.#isOpen = false
  }

  async ended(): Promise<void> {}

  exit(): Promise<void> {
    return this.context.cleanExit()
  }
}
