import type { Socket } from 'node:net'
import { setImmediate, setTimeout } from 'node:timers/promises'
import { RemoteError } from '../../proto/error.ts'
import { type RemoteImage, remoteImage } from '../../proto/messages.ts'
import type { Log } from '../log.ts'
import type { Content } from '../memory/content.ts'
import { drained, sendContent } from './send.ts'

/*
 * Sends complete images to the cache, one after the other, in the order in which they were queued (W3 to W5).
 *
 * The queue holds references to content that the store holds anyway, so its length costs nothing. The connection is
 * one-way (W2): a byte from the cache, or its end, is the loss of the link. A link that is lost ends the
 * migration; it is reset and not closed, or the cache would take the loss for the clean end (W6).
 *
 * An append is forwarded as the whole image, so a thousand of them would send it a thousand times. An append that comes
 * while the one before is still last in the queue takes its place: nothing completed between, so the order holds (W5). A
 * client appends when its last append was taken, just after that one was sent; so an image that is not small is held while
 * appends to it follow each other and nothing else waits behind it. What is held is late by little, and a read of it that waits at the cache as well.
 */

/** Images from this size on are held: to send a smaller one once more costs less than the wait. */
const WORTH_HOLDING = 16_384
/** Time without an append after which none is awaited, in ms ... */
const QUIET = 20
/** ... and after which the image is sent although they go on. */
const PATIENCE = 1_000

interface Forward {
  header: RemoteImage
  body: Content
}

export class Forwarder {
  readonly #link: Socket
  readonly #log: Log
  readonly #queue: Forward[] = []
  /** What the last append made of its image. */
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

  /** Queues an image that was appended to, in place of the version before if that was queued last and is not begun. */
  supersede(header: RemoteImage, body: Content): void {
    const last = this.#queue.at(-1)?.header
    if (last?.name === header.name && last.snapshotId === header.snapshotId) this.#queue.pop()
    this.#grown = body
    this.queue(header, body)
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
    await this.#awaitAppends()
    this.#link.cork()
    for (let forward = this.#queue.shift(); forward !== undefined; forward = this.#queue.shift())
      await this.#send(forward)
    this.#link.uncork()
    await drained(this.#link)
  }

  async #awaitAppends(): Promise<void> {
    const deadline = performance.now() + PATIENCE
    for (let held = this.#held(); held !== undefined && performance.now() < deadline; ) {
      await setTimeout(QUIET)
      if (this.#held() === held) return
      held = this.#held()
    }
  }

  /** The only image in the queue, if the next append would take its place, and that is worth waiting for. */
  #held(): Content | undefined {
    const body = this.#queue.length === 1 ? this.#queue[0]?.body : undefined
    return body !== undefined && body === this.#grown && body.size >= WORTH_HOLDING
      ? body
      : undefined
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
