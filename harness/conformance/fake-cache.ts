import { once } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'
import { Changes } from '../changes.ts'
import { type Permitted, Violation } from '../violation.ts'
import { type Forwarded, ForwardedImages } from './forwarded-images.ts'
import { noteTrouble } from './suite-trouble.ts'
import { show } from './texts.ts'
import type { Trace } from './trace.ts'

/** Number of images that a text names. */
const NAMED = 5

/** How the proxy ended the link: between two images, inside a header or image, or by a reset. */
type LinkEnd = 'end' | 'truncated' | 'reset'

const endings: Record<LinkEnd, string> = {
  end: 'the end of the link',
  truncated: 'the end of the link inside a header or an image',
  reset: 'a reset of the link',
}

/** The cache of a proxy under test: takes every image, and notes the order and the end. */
export class FakeCache {
  readonly images: Forwarded[] = []
  /** How the proxy ended the link; undefined while the link is open. */
  ended: LinkEnd | undefined
  connections = 0
  /** Whether the size of an append counts what the cache has already (criu-2017, criu-2019; D2). */
  appendsCountAll = false
  /** Whether this side stays open at the proxy's end, which says nothing to a proxy (W2). */
  keepsOpen = false
  readonly #server: Server
  readonly #trace: Trace
  #socket: Socket | undefined
  #reader: ForwardedImages | undefined
  readonly #others = new Set<Socket>()
  #failure: Violation | undefined
  readonly #changes = new Changes()

  private constructor(trace: Trace) {
    this.#trace = trace
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) =>
      this.#accept(socket),
    )
  }

  /** Listens on a free port of this machine. Throws the error of Node. */
  static async listen(trace: Trace): Promise<FakeCache> {
    const cache = new FakeCache(trace)
    await once(cache.#server.listen(0, '127.0.0.1'), 'listening')
    cache.#server.on('error', noteTrouble)
    return cache
  }

  get port(): number {
    return (this.#server.address() as { port: number }).port
  }

  /** The proxy's connection; throws Violation if the proxy has not connected. */
  get socket(): Socket {
    if (this.#socket !== undefined) return this.#socket
    const permitted = { outcome: 'one connection, which carries all images', clause: 'W1' }
    throw new Violation('the connections from the proxy to the cache', [permitted], 'none')
  }

  /** Waits for the first image that satisfies; of that name, if one is given. */
  async image(
    name?: string,
    satisfies: (image: Forwarded) => boolean = () => true,
    permitted: Permitted = { outcome: 'the image', clause: 'W5' },
  ): Promise<Forwarded> {
    const find = () =>
      this.images.find((image) => (name === undefined || image.name === name) && satisfies(image))
    await this.until(() => find() !== undefined || this.ended !== undefined)
    const found = find()
    if (found !== undefined) return found
    throw new Violation(`the forwarding of ${name ?? 'an image'}`, [permitted], this.arrived)
  }

  /** All that arrived so far, in words; an empty text if nothing did. */
  get arrived(): string {
    const names = this.images.slice(0, NAMED).map(({ snapshotId, name }) => show(snapshotId, name))
    const more = this.images.length > NAMED ? ', ...' : ''
    const inside = this.#reader?.inside === true ? this.#reader.progress : ''
    return [
      ...(names.length > 0 ? [`other images (${names.join(', ')}${more})`] : []),
      ...(inside === '' ? [] : [inside]),
      ...(this.connections > 1 ? [`${this.connections} connections`] : []),
      ...(this.ended === undefined ? [] : [endings[this.ended]]),
    ].join(', ')
  }

  /** Waits until the proxy has ended the link, and returns how. */
  async untilEnd(): Promise<LinkEnd> {
    await this.until(() => this.ended !== undefined)
    return this.ended as LinkEnd
  }

  /** Waits until the condition holds. Throws the first Violation of the proxy on the link. */
  async until(condition: () => boolean): Promise<void> {
    await this.#changes.until(() => this.#failure !== undefined || condition())
    if (this.#failure !== undefined) throw this.#failure
  }

  /** Stops reading until `resume`: the proxy has to keep what it forwards. */
  pause(): void {
    this.socket.pause()
  }

  resume(): void {
    this.socket.resume()
  }

  close(): void {
    this.#server.close()
    for (const socket of [this.#socket, ...this.#others]) socket?.destroy()
  }

  #accept(socket: Socket): void {
    this.connections++
    if (this.#socket !== undefined) {
      this.#acceptAnother(socket)
      return
    }
    this.#socket = socket
    this.#trace.add('link', 'out', 'open')
    const reader = new ForwardedImages(
      (image) => this.images.push(image),
      () => this.appendsCountAll,
    )
    this.#reader = reader
    socket.on('data', (piece) => {
      this.#trace.add('link', 'out', 'bytes', piece)
      this.#guard(() => reader.take(piece))
      this.#changes.notify()
    })
    socket.on('end', () => this.#end(reader.inside ? 'truncated' : 'end'))
    socket.on('error', () => this.#end('reset'))
    socket.on('close', () => this.#end('reset'))
    this.#changes.notify()
  }

  /** Takes a further connection. Its first byte is a failure: one connection carries all (W1). */
  #acceptAnother(socket: Socket): void {
    const name = `link ${this.connections}`
    this.#others.add(socket)
    this.#trace.add(name, 'out', 'open')
    this.#changes.notify()
    socket.on('error', () => {})
    socket.on('end', () => socket.end())
    socket.on('data', (piece) => {
      this.#trace.add(name, 'out', 'bytes', piece)
      this.#failure ??= new Violation(
        'the connections from the proxy to the cache',
        [{ outcome: 'one connection, which carries all images', clause: 'W1' }],
        `bytes on a second connection${this.ended === undefined ? '' : ', after the first had ended'}`,
      )
      this.#changes.notify()
    })
  }

  #guard(work: () => void): void {
    try {
      work()
    } catch (thrown) {
      this.#failure ??=
        thrown instanceof Violation
          ? thrown
          : new Violation(
              'the stream of the link',
              [{ outcome: 'a remote_image_entry frame, then its bytes', clause: 'W4' }],
              (thrown as Error).message,
            )
    }
  }

  #end(how: LinkEnd): void {
    if (this.ended !== undefined) return
    this.ended = how
    this.#trace.add('link', 'out', how === 'reset' ? 'reset' : 'end')
    if (how !== 'reset' && !this.keepsOpen) this.socket.end()
    this.#changes.notify()
  }
}
