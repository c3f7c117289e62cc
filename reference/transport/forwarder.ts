import type { Socket } from 'node:net'
import { setImmediate, setTimeout } from 'node:timers/promises'
import { RemoteError } from '../../proto/error.ts'
import { type RemoteImage, remoteImage } from '../../proto/messages.ts'
import { imageName, type Log } from '../log.ts'
import type { Content } from '../memory/content.ts'
import { drained, sendContent } from './send.ts'

/*
 * Sends complete images to the cache, one after the other, in the order in which they were queued
 * (W3 to W5).
 *
 * The queue holds references to content that the store holds anyway, so its length costs nothing.
 * The link is one-way (W2): a byte from the cache, or the cache's end of stream, means that the
 * link is lost. A lost link ends the migration. It is reset instead of closed, because the cache
 * would take a close for the clean end (W6).
 *
 * An append is forwarded as the whole image, so a thousand appends would send the image a thousand
 * times. Therefore an append replaces the previous append to the same image if that one is still
 * last in the queue. No other image completed between the two, so the order holds (W5). A client
 * appends again as soon as the proxy has read its last append, that is just after that append was
 * sent. So an image that is not small is held while appends to it follow each other and no other
 * image is queued. The delay is short; a read that waits for the image at the cache gets it later.
 */

/**
 * Size in bytes from which an image is held. To send a smaller image twice costs less than the
 * wait.
 */
const WORTH_HOLDING = 16_384
/** Time without an append, in ms, after which a held image is sent. */
const QUIET = 20
/** Time, in ms, after which a held image is sent although appends continue. */
const PATIENCE = 1_000

interface Forward {
  header: RemoteImage
  body: Content
}

export class Forwarder {
  readonly #link: Socket
  readonly #log: Log
  readonly #queue: Forward[] = []
  /** The image that results from the last append. */
  #grown: Content | undefined
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

  /** Queues a complete image and starts to send unless sending is under way. */
  queue(header: RemoteImage, body: Content): void {
    this.#queue.push({ header, body })
    if (this.#busy) return
    this.#busy = true
    this.#sending = this.#sendAll()
  }

  /**
   * Queues the result of an append. It replaces the previous version if that is last in the queue
   * and not yet sent.
   */
  supersede(header: RemoteImage, body: Content): void {
    const last = this.#queue.at(-1)?.header
    if (last?.name === header.name && last.snapshotId === header.snapshotId) this.#queue.pop()
    this.#grown = body
    this.queue(header, body)
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

  /**
   * Sends the queue. Images that complete in the same turn of the event loop leave in the same
   * system call.
   */
  async #sendQueue(): Promise<void> {
    await setImmediate()
    await this.#awaitAppends()
    this.#link.cork()
    for (let forward = this.#queue.shift(); forward !== undefined; forward = this.#queue.shift())
      await this.#send(forward)
    this.#link.uncork()
    await drained(this.#link)
  }

  /**
   * Waits while the queue holds one image that appends keep replacing: until QUIET or PATIENCE has
   * passed.
   */
  async #awaitAppends(): Promise<void> {
    const deadline = performance.now() + PATIENCE
    for (let held = this.#held(); held !== undefined && performance.now() < deadline; ) {
      await setTimeout(QUIET)
      if (this.#held() === held) return
      held = this.#held()
    }
  }

  /** Returns the only queued image if it is the result of an append and large enough to be held. */
  #held(): Content | undefined {
    const body = this.#queue.length === 1 ? this.#queue[0]?.body : undefined
    return body !== undefined && body === this.#grown && body.size >= WORTH_HOLDING
      ? body
      : undefined
  }

  async #send({ header, body }: Forward): Promise<void> {
    this.#log.debug(`forwarding ${imageName(header)}, ${header.size} bytes`)
    this.#link.write(remoteImage.encode(header))
    await sendContent(this.#link, body)
  }

  /**
   * Sends the rest of the queue, then closes the link. Does not wait until the cache closes its
   * direction.
   */
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

  /** Resets the link, which tells the cache that images are missing. */
  abort(): void {
    this.#ended = true
    this.#link.resetAndDestroy()
  }

  /** Rejects with `connection-lost` if the link is lost before its end. Never resolves. */
  get lost(): Promise<never> {
    return this.#lost.promise
  }

  #fail(reason: string): void {
    if (this.#ended) return
    this.#lost.reject(
      new RemoteError('connection-lost', `forwarding images to the cache: ${reason}`),
    )
  }
}
