import type { Socket } from 'node:net'
import { setImmediate } from 'node:timers/promises'
import { RemoteError } from '../proto/error.ts'
import { type RemoteImage, remoteImage } from '../proto/messages.ts'
import type { Content } from './image.ts'
import type { Log } from './log.ts'
import { drained, sendContent } from './send.ts'

/*
 * Sends complete images to the cache, one after the other, in the order in which they were queued (W3 to W5).
 *
 * The queue holds references to content that the store holds anyway, so its length costs nothing. The connection is
 * one-way (W2): a byte from the cache, or its end, is the loss of the link. A link that is lost ends the
 * migration; it is reset and not closed, or the cache would take the loss for the clean end (W6).
 *
 * An append is forwarded as the whole image, so a thousand of them would send it a thousand times. An append that comes
 * while the one before is still last in the queue takes its place: as many are sent as the link has time for.
 */

interface Forward {
  header: RemoteImage
  body: Content
}

export class Forwarder {
  readonly #link: Socket
  readonly #log: Log
  readonly #queue: Forward[] = []
  readonly #lost = Promise.withResolvers<never>()
  #sending: Promise<void> = Promise.resolve()
  #busy = false
  #ended = false

  constructor(link: Socket, log: Log) {
    this.#link = link
    this.#log = log
    this.#lost.promise.catch(() => {})
    link.on('data', () => this.#fail('the cache wrote on the one-way connection'))
    link.on('end', () => this.#fail('the cache closed the connection'))
    link.on('error', (error) => this.#fail(error.message))
    link.on('close', () => this.#fail('the connection was closed'))
    link.resume()
  }

  /** Rejects with `connection-lost` when the link is lost before its end; never resolves. */
  get lost(): Promise<never> {
    return this.#lost.promise
  }

  queue(header: RemoteImage, body: Content): void {
    this.#queue.push({ header, body })
    if (this.#busy) return
    this.#busy = true
    this.#sending = this.#sendAll()
  }

  /** Drops what was queued last, if it is this image and not begun: the next to be queued holds all of it, and nothing completed between. */
  supersede(snapshotId: string, name: string): void {
    const last = this.#queue.at(-1)?.header
    if (last?.name === name && last.snapshotId === snapshotId) this.#queue.pop()
  }

  /** Resolves when all that was queued is sent and the link is closed behind it, whether or not the cache closes its direction. */
  async finish(): Promise<void> {
    await this.#sending
    await new Promise<void>((resolve) => {
      this.#link.end(() => {
        this.#ended = true
        this.#link.destroy()
        resolve()
      })
    })
  }

  /** Resets the link, so that the cache knows that images are missing. */
  abort(): void {
    this.#ended = true
    this.#link.resetAndDestroy()
  }

  async #sendAll(): Promise<void> {
    try {
      while (this.#queue.length > 0) await this.#sendQueue()
    } catch (thrown) {
      this.#fail(RemoteError.from(thrown, 'forwarding').message)
    } finally {
      this.#busy = false
    }
  }

  /** Images that complete in the same turn of the event loop go out in the same system call. */
  async #sendQueue(): Promise<void> {
    await setImmediate()
    this.#link.cork()
    for (let forward = this.#queue.shift(); forward !== undefined; forward = this.#queue.shift()) await this.#send(forward)
    this.#link.uncork()
    await drained(this.#link)
  }

  async #send({ header, body }: Forward): Promise<void> {
    this.#log.debug(`forwarding ${header.snapshotId}:${header.name}, ${header.size} bytes`)
    this.#link.write(remoteImage.encode(header))
    await sendContent(this.#link, body)
  }

  #fail(why: string): void {
    if (this.#ended) return
    this.#lost.reject(new RemoteError('connection-lost', `forwarding images to the cache: ${why}`))
  }
}
