import { O_WRONLY, type RemoteImage, remoteImage } from '../../../proto/index.ts'
import { lastLine } from '../../hosts/host.ts'
import { Violation } from '../../violation.ts'
import { Connection } from '../connection.ts'
import { DaemonEnded } from '../daemon-under-test.ts'
import { show } from '../texts.ts'
import { DaemonContext } from './daemon.ts'

/** A cache under test. The harness is its proxy and the restoring CRIU. */
export class CacheUnderTest extends DaemonContext {
  #link: Connection | undefined
  #port = 0
  #probes = 0

  /** The link, whose proxy the harness is; throws before `connectLink`. */
  get link(): Connection {
    if (this.#link === undefined) throw new Error('the link has not been connected')
    return this.#link
  }

  /** Connects as the proxy of a cache that starts. Throws HostError if it does not start. */
  async connectFirst(): Promise<void> {
    this.#link = await this.daemon.connectLink(this.options.trace)
    this.#port = this.#link.socket.remotePort as number
  }

  /**
   * Connects as the proxy of a cache that runs. Throws Violation if the cache has ended: without a
   * connection it counts as open (C4).
   */
  async connectLink(): Promise<void> {
    if (this.#link !== undefined) return
    const what = 'the first connection of a proxy'
    const permitted = { outcome: 'a connection: the cache waits for its proxy', clause: 'C4' }
    await this.waitFor(what, permitted, this.connectFirst()).catch(async (thrown) => {
      if (!(thrown instanceof DaemonEnded)) throw thrown
      const { code, stderr } = await this.daemon.process.exited
      throw new Violation(
        what,
        [permitted],
        `no connection: the cache had ended with exit ${code} (${lastLine(stderr)})`,
      )
    })
  }

  /** Sends an image as a proxy does: its header and its bytes. */
  async forward(
    snapshotId: string,
    name: string,
    bytes: Buffer,
    openMode = O_WRONLY,
  ): Promise<void> {
    await this.link.send(
      Buffer.concat([header({ snapshotId, name, openMode, size: bytes.length }), bytes]),
      `image ${show(snapshotId, name)}`,
    )
  }

  /** Closes the link as a proxy does at the end of a dump. */
  closeLink(): void {
    // The promise never rejects, and a case sees the close by the answers of the cache.
    void this.link.end()
  }

  /** Resets the link as a failing network does. */
  resetLink(): void {
    this.link.reset()
  }

  /** Connects once more to the port of the link; returns undefined if the cache refuses. */
  async connectAnother(): Promise<Connection | undefined> {
    const place = { host: '127.0.0.1', port: this.#port }
    return Connection.to('second link', place, this.options.trace).catch(() => undefined)
  }

  /** Waits until the cache has taken all that was sent: it serves an image sent after the rest. */
  async drained(clause = 'C2'): Promise<void> {
    const name = `mark-${++this.#probes}`
    await this.forward('probe', name, Buffer.from(name))
    await this.serves('probe', name, Buffer.from(name), clause)
  }

  /** Sends a read of the finish name, which ends the restore; returns its connection. */
  async finishRestore(names = this.names): Promise<Connection> {
    this.life.allowExit('the restore is finished')
    return this.openRead(names.nullId, names.restoreFinish)
  }

  /** Shows that the cache still takes and serves an image: a refusal was no crash. */
  async stillServes(clause: string, what?: string): Promise<void> {
    const name = `probe-${++this.#probes}`
    const bytes = Buffer.from(`it still serves ${name}`)
    await this.forward('probe', name, bytes)
    await this.serves('probe', name, bytes, clause, what)
  }
}

/** Returns the header of a forwarded image as a frame. */
export const header = (image: RemoteImage): Buffer => remoteImage.encode(image)
