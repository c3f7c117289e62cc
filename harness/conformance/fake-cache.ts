import { createHash } from 'node:crypto'
import { createServer, type Server, type Socket } from 'node:net'
import { FrameDecoder, O_APPEND, type RemoteImage, remoteImage } from '../../proto/index.ts'
import { Changes } from '../changes.ts'
import { Violation } from './case.ts'
import type { Trace } from './trace.ts'

/* The cache that a proxy under test forwards to: takes every image, and sees the order and the end. */

/** Bytes of a forwarded image that are kept; the rest is counted and hashed. */
const KEPT = 8 * 1024 * 1024

export interface Forwarded extends RemoteImage {
  /** The header as it came: the message, without its length. */
  payload: Buffer
  bytes: Buffer
  hash: string
}

export class CachePeer {
  readonly images: Forwarded[] = []
  /** How the proxy ended the connection: between two images, inside something, or by a reset. */
  ended: 'end' | 'truncated' | 'reset' | undefined
  connections = 0
  /** An append's size counts what the cache has of that image already, as in criu-2017 and criu-2019 (D2). */
  appendsCountAll = false
  /** Never closes its own direction, which says nothing anyway (W2). */
  keepsOpen = false
  readonly #server: Server
  readonly #trace: Trace
  #socket: Socket | undefined
  #failure: Violation | undefined
  readonly #changes = new Changes()

  private constructor(trace: Trace) {
    this.#trace = trace
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) =>
      this.#accept(socket),
    )
  }

  static async listen(trace: Trace): Promise<CachePeer> {
    const peer = new CachePeer(trace)
    await new Promise<void>((resolve) => peer.#server.listen(0, '127.0.0.1', resolve))
    return peer
  }

  get port(): number {
    return (this.#server.address() as { port: number }).port
  }

  /** The proxy's connection; throws if it has none. */
  get socket(): Socket {
    if (this.#socket === undefined) throw new Error('the proxy has not connected')
    return this.#socket
  }

  /** Waits for the first image of that name that satisfies, or the first of all. */
  async image(
    name?: string,
    satisfies: (image: Forwarded) => boolean = () => true,
  ): Promise<Forwarded> {
    const find = () =>
      this.images.find((image) => (name === undefined || image.name === name) && satisfies(image))
    await this.until(() => find() !== undefined || this.ended !== undefined)
    const found = find()
    if (found === undefined)
      throw new Violation(
        `forwarding ${name ?? 'an image'}`,
        [{ outcome: 'the image', clause: 'W5' }],
        `the end of the connection (${this.ended})`,
      )
    return found
  }

  /** Waits until the proxy ended the connection, and says how. */
  async untilEnd(): Promise<'end' | 'truncated' | 'reset'> {
    await this.until(() => this.ended !== undefined)
    return this.ended as 'end'
  }

  /** Waits until the condition holds; throws what the proxy did wrong on the connection meanwhile. */
  async until(condition: () => boolean): Promise<void> {
    await this.#changes.until(() => this.#failure !== undefined || condition())
    if (this.#failure !== undefined) throw this.#failure
  }

  /** Does not read until `resume`: the proxy has to keep what it forwards. */
  pause(): void {
    this.socket.pause()
  }

  resume(): void {
    this.socket.resume()
  }

  close(): void {
    this.#server.close()
    this.#socket?.destroy()
  }

  #accept(socket: Socket): void {
    this.connections++
    if (this.#socket !== undefined) return void socket.destroy()
    this.#socket = socket
    this.#trace.add('link', 'out', 'open')
    const held = new Map<string, number>()
    const reader = new ImageReader(
      (image) => this.images.push(image),
      (header) => (this.appendsCountAll ? counted(held, header) : header.size),
    )
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

  #guard(work: () => void): void {
    try {
      work()
    } catch (thrown) {
      this.#failure ??=
        thrown instanceof Violation
          ? thrown
          : new Violation(
              'what the proxy forwards',
              [{ outcome: 'a remote_image_entry frame, then its bytes', clause: 'W4' }],
              (thrown as Error).message,
            )
    }
  }

  #end(how: 'end' | 'truncated' | 'reset'): void {
    if (this.ended !== undefined) return
    this.ended = how
    this.#trace.add('link', 'out', how === 'reset' ? 'reset' : 'end')
    if (how !== 'reset' && !this.keepsOpen) this.socket.end()
    this.#changes.notify()
  }
}

/** Bytes that follow a header whose size counts all that the cache then has of the image. */
function counted(
  held: Map<string, number>,
  { snapshotId, name, openMode, size }: RemoteImage,
): number {
  const key = JSON.stringify([snapshotId, name])
  const before = openMode & O_APPEND ? (held.get(key) ?? 0) : 0
  held.set(key, size)
  if (size >= before) return size - before
  throw new Violation(
    'the size of a forwarded append',
    [{ outcome: `at least the ${before} bytes that were there`, clause: 'D2' }],
    `${size}`,
  )
}

/** Header, bytes, header, bytes ... from pieces of any size. */
class ImageReader {
  readonly #done: (image: Forwarded) => void
  readonly #bytesBehind: (header: RemoteImage) => number
  readonly #decoder = new FrameDecoder()
  #touched = false
  #header: (RemoteImage & { payload: Buffer }) | undefined
  #kept: Buffer[] = []
  #hash = createHash('sha256')
  #missing = 0

  constructor(done: (image: Forwarded) => void, bytesBehind: (header: RemoteImage) => number) {
    this.#done = done
    this.#bytesBehind = bytesBehind
  }

  /** Whether the stream is inside a header or an image. */
  get inside(): boolean {
    return this.#touched
  }

  take(piece: Buffer): void {
    for (let rest: Buffer | undefined = piece; rest !== undefined && rest.length > 0; )
      rest = this.#header === undefined ? this.#takeHeader(rest) : this.#takeBytes(rest)
  }

  #takeHeader(piece: Buffer): Buffer | undefined {
    this.#touched = true
    const frame = this.#decoder.push(piece)
    if (frame === undefined) return undefined
    this.#header = { ...remoteImage.decode(frame.payload), payload: frame.payload }
    this.#missing = this.#bytesBehind(this.#header)
    if (this.#missing === 0) this.#complete()
    return frame.rest
  }

  #takeBytes(piece: Buffer): Buffer {
    const mine = piece.subarray(0, this.#missing)
    this.#missing -= mine.length
    this.#hash.update(mine)
    if ((this.#header as RemoteImage).size <= KEPT) this.#kept.push(mine)
    if (this.#missing === 0) this.#complete()
    return piece.subarray(mine.length)
  }

  #complete(): void {
    this.#done({
      ...(this.#header as Forwarded),
      bytes: Buffer.concat(this.#kept),
      hash: this.#hash.digest('hex'),
    })
    this.#header = undefined
    this.#touched = false
    this.#kept = []
    this.#hash = createHash('sha256')
  }
}
