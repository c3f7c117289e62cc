import {
  type Connection,
  demand,
  expectForwarded,
  localImage,
  O_WRONLY,
  type ProxyUnderTest,
} from '../../harness/conformance/index.ts'

/* Steps at the end of a dump: writes that are closed before the finish, and a clean end. */

/**
 * Demands an end of the link between two images, and an exit with 0; `exit` is the clause that
 * demands the exit, that of the daemon's end as a rule.
 */
export async function endsCleanly(proxy: ProxyUnderTest, exit?: string): Promise<void> {
  const permitted = { outcome: 'an end of stream between two images', clause: 'W6' }
  const how = await proxy.waitFor('the end of the link', permitted, proxy.fakeCache.untilEnd())
  demand(
    how === 'end',
    'the end of the link',
    permitted,
    `${how === 'reset' ? 'a reset' : 'an end inside a header or an image'}, after ${proxy.fakeCache.images.length} whole images`,
  )
  await proxy.cleanExit(exit)
}

/** Waits for the end of the link that follows the finish. */
export async function linkEnds(proxy: ProxyUnderTest): Promise<void> {
  const permitted = { outcome: 'its end after all images', clause: 'E1' }
  const { fakeCache } = proxy
  await proxy.waitFor('the link after the finish', permitted, fakeCache.untilEnd())
}

/** Returns the header of the finish as a frame. */
export const finishHeader = ({ names }: ProxyUnderTest): Buffer =>
  localImage.encode({ snapshotId: names.nullId, name: names.dumpFinish, openMode: O_WRONLY })

/** Sends the finish, or the rest of it, on a connection that is open, and closes it. */
export async function finishOn(
  proxy: ProxyUnderTest,
  client: Connection,
  rest = finishHeader(proxy),
): Promise<void> {
  proxy.life.allowExit('the dump is finished')
  await client.send(rest, 'the finish')
  await client.end()
}

/** Writes whose clients close before the finish of the dump is sent (E1a). */
export class WritesBeforeFinish {
  readonly #proxy: ProxyUnderTest
  readonly #writes: { name: string; bytes: Buffer; closed: number }[] = []
  #finished = 0

  constructor(proxy: ProxyUnderTest) {
    this.#proxy = proxy
  }

  /** Opens an image of snapshot 1, writes it and closes. */
  async write(name: string, bytes: Buffer, openMode = O_WRONLY): Promise<void> {
    await this.close(await this.#proxy.openWrite('1', name, openMode), name, bytes)
  }

  /** Sends the rest of an image on an open connection and closes; `bytes` is the whole image. */
  async close(writer: Connection, name: string, bytes: Buffer, rest = bytes): Promise<void> {
    if (rest.length > 0) await writer.send(rest)
    await writer.end()
    this.#writes.push({ name, bytes, closed: performance.now() })
  }

  /** Opens an image of snapshot 1, writes it and closes both directions, as CRIU does. */
  async writeAndLeave(name: string, bytes: Buffer): Promise<void> {
    const writer = await this.#proxy.openWrite('1', name)
    if (bytes.length > 0) await writer.send(bytes)
    writer.reset()
    this.#writes.push({ name, bytes, closed: performance.now() })
  }

  /** Finishes the dump on a connection that is open, or on a new one; `rest` is not sent yet. */
  async finish(client?: Connection, rest?: Buffer): Promise<void> {
    const connection = client ?? (await this.#proxy.connect())
    this.#finished = performance.now()
    await finishOn(this.#proxy, connection, rest)
  }

  /** Demands that every image is forwarded whole before the clean end of the link. */
  async areForwarded(): Promise<void> {
    const { fakeCache } = this.#proxy
    const all = this.#writes.length
    await linkEnds(this.#proxy)
    const find = (name: string) => fakeCache.images.find((image) => image.name === name)
    const missing = this.#writes.filter(({ name }) => find(name) === undefined)
    const [first] = missing
    const before = Math.ceil(this.#finished - (first?.closed ?? 0))
    const place = this.#writes.findIndex(({ name }) => name === first?.name) + 1
    demand(
      first === undefined,
      'the images whose writers closed before the finish was sent',
      { outcome: `all ${all} of them on the link`, clause: 'E1a' },
      `image ${place} of ${all} (${first?.name}, ${first?.bytes.length} bytes), closed ${before} ms ` +
        `before the finish was sent, was not forwarded; ${missing.length} of ${all} are missing`,
    )
    for (const { name, bytes } of this.#writes)
      expectForwarded(find(name) as NonNullable<ReturnType<typeof find>>, bytes, 'E1a')
    await endsCleanly(this.#proxy)
  }
}
