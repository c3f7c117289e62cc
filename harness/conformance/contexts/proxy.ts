import { setTimeout as pause } from 'node:timers/promises'
import type { Answer } from '../connection.ts'
import type { DaemonUnderTest } from '../daemon-under-test.ts'
import type { FakeCache } from '../fake-cache.ts'
import type { Forwarded } from '../forwarded-images.ts'
import { show } from '../texts.ts'
import { type ContextOptions, DaemonContext } from './daemon.ts'

/**
 * More bytes than a TCP connection holds: a sender has 4 MiB at most, and a receiver that does not
 * read holds less than the rest. A proxy cannot get rid of them.
 */
export const MORE_THAN_A_LINK_HOLDS = 8 * 1024 * 1024

/** Interval between two reads that wait for an image, in ms: the protocol has no event for it. */
const POLL = 5

/** A proxy under test. The harness is its CRIU and its cache. */
export class ProxyUnderTest extends DaemonContext {
  readonly fakeCache: FakeCache
  #probes = 0

  constructor(options: ContextOptions, daemon: DaemonUnderTest, fakeCache: FakeCache) {
    super(options, daemon)
    this.fakeCache = fakeCache
    fakeCache.appendsCountAll = options.dialect === 'criu-2017' || options.dialect === 'criu-2019'
  }

  /** Waits for a forwarded image of that name that satisfies the condition. */
  forwarded(
    name: string,
    satisfies?: (image: Forwarded) => boolean,
    clause = 'W5',
    outcome = 'the image on the connection to the cache',
  ): Promise<Forwarded> {
    return this.waitFor(
      `the forwarding of ${name}`,
      { outcome, clause },
      this.fakeCache.image(name, satisfies, { outcome, clause }),
      () => this.fakeCache.arrived,
    )
  }

  /** Writes an image and waits until it is forwarded: only then it is known to be complete. */
  async store(snapshotId: string, name: string, bytes: Buffer): Promise<Forwarded> {
    await this.write(snapshotId, name, bytes)
    return this.forwarded(
      name,
      (image) => image.snapshotId === snapshotId && image.size === bytes.length,
    )
  }

  /** Reads at short intervals until the answer satisfies; by default until the image exists. */
  untilReadable(
    snapshotId: string,
    name: string,
    satisfies: (answer: Answer) => boolean = ({ error }) => error === 0,
    clause = 'L5',
  ): Promise<Answer> {
    const poll = async () => {
      for (;;) {
        const answer = await this.read(snapshotId, name)
        if (satisfies(answer)) return answer
        await pause(POLL)
      }
    }
    return this.waitFor(
      `reads of ${show(snapshotId, name)}`,
      { outcome: 'the image that was written', clause },
      poll(),
    )
  }

  /**
   * Stops the fake cache from reading while a large image is on its way: images that are completed
   * after that have to queue. Returns the bytes of the large image, `large.img` of snapshot
   * `stall`.
   */
  async stallLink(): Promise<Buffer> {
    await this.store('stall', 'before.img', Buffer.from('before the link stalls'))
    this.fakeCache.pause()
    const large = Buffer.alloc(MORE_THAN_A_LINK_HOLDS, 'large')
    await this.write('stall', 'large.img', large)
    await this.waitFor(
      'the reply to reads of the image that was written',
      { outcome: 'error 0', clause: 'L5' },
      this.#untilFound('stall', 'large.img'),
    )
    return large
  }

  /** Reads at short intervals until the reply is error 0; does not read the image itself. */
  async #untilFound(snapshotId: string, name: string): Promise<void> {
    for (;;) {
      const reader = await this.openRead(snapshotId, name)
      const error = await reader.reply()
      reader.socket.destroy()
      if (error === 0) return
      await pause(POLL)
    }
  }

  /** Writes the finish name, which ends the dump. */
  async finish(names = this.names): Promise<void> {
    this.life.allowExit('the dump is finished')
    await this.write(names.nullId, names.dumpFinish, Buffer.alloc(0))
  }

  /** Shows that the proxy still takes, forwards and serves an image: a refusal was no crash. */
  async stillServes(clause: string): Promise<void> {
    const name = `probe-${++this.#probes}`
    const bytes = Buffer.from(`it still serves ${name}`)
    await this.write('probe', name, bytes)
    const permitted = { outcome: 'the image, since it still serves', clause }
    await this.waitFor(
      `the forwarding of ${name}`,
      permitted,
      this.fakeCache.image(name, undefined, permitted),
      () => this.fakeCache.arrived,
    )
    await this.serves('probe', name, bytes, clause)
  }
}
