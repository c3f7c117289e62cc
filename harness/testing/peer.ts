import { type AddressInfo, createServer, type Socket } from 'node:net'
import { setImmediate } from 'node:timers/promises'
import { FrameDecoder } from '../../proto/frame.ts'
import { localReply, type RemoteImage, remoteImage } from '../../proto/messages.ts'

/** The part of a test that runs functions at its end. */
export interface Scope {
  teardown(end: () => unknown): unknown
}

/**
 * One end of a connection: sends the bytes that a test gives it, and keeps the bytes that it
 * receives.
 */
export class Peer {
  readonly socket: Socket
  #pieces: Buffer[] = []
  #ending: string | undefined
  #change = Promise.withResolvers<void>()

  constructor(t: Scope, socket: Socket) {
    this.socket = socket
    t.teardown(() => socket.destroy())
    socket.on('data', (piece) => this.#note(() => this.#pieces.push(piece)))
    socket.on('end', () => this.#note(() => this.#endAs('end')))
    socket.on('error', (error: NodeJS.ErrnoException) =>
      this.#note(() => this.#endAs(error.code ?? error.message)),
    )
    socket.on('close', () => this.#note(() => this.#endAs('close')))
  }

  send(...pieces: (string | Buffer)[]): this {
    this.socket.write(Buffer.concat(pieces.map((piece) => Buffer.from(piece))))
    return this
  }

  /** Sends bytes so slowly that the other end reads each by itself. */
  async sendSlowly(bytes: Buffer): Promise<void> {
    for (const byte of bytes) {
      this.socket.write(Buffer.from([byte]))
      await turns()
    }
  }

  /** Ends the sending direction only. */
  end(): this {
    this.socket.end()
    return this
  }

  /** Number of bytes that were received and not taken yet. */
  get received(): number {
    return this.#pieces.reduce((sum, { length }) => sum + length, 0)
  }

  /** Takes the next frame and returns its payload. */
  async frame(): Promise<Buffer> {
    const decoder = new FrameDecoder()
    for (;;) {
      const frame = decoder.push(await this.#next())
      if (frame === undefined) continue
      this.#pieces.unshift(frame.rest)
      return frame.payload
    }
  }

  /** Takes exactly so many bytes. Throws if the connection ends before. */
  async take(bytes: number): Promise<Buffer> {
    const taken: Buffer[] = []
    for (let missing = bytes; missing > 0; ) {
      const piece = await this.#next()
      taken.push(piece.subarray(0, missing))
      if (piece.length > missing) this.#pieces.unshift(piece.subarray(missing))
      missing -= Math.min(missing, piece.length)
    }
    return Buffer.concat(taken)
  }

  /** Waits until the other end has ended. Returns 'end', 'close' or an errno. */
  async ending(): Promise<string> {
    while (this.#ending === undefined) await this.#change.promise
    return this.#ending
  }

  /** Takes all bytes up to the end of the stream. Throws if the connection ends in another way. */
  async rest(): Promise<Buffer> {
    const ending = await this.ending()
    if (ending !== 'end') throw new Error(`expected the end of the stream, got ${ending}`)
    return Buffer.concat(this.#pieces.splice(0))
  }

  /** Takes the next image of a link. The default of `bodySize` is the size in the header. */
  async forwarded(bodySize?: number): Promise<{ header: RemoteImage; body: Buffer }> {
    const header = remoteImage.decode(await this.frame())
    return { header, body: await this.take(bodySize ?? header.size) }
  }

  /** Takes the answer to a read: the errno, then all bytes. */
  async answer(): Promise<{ error: number; bytes: Buffer }> {
    return { error: localReply.decode(await this.frame()), bytes: await this.rest() }
  }

  async #next(): Promise<Buffer> {
    while (this.#pieces.length === 0) {
      if (this.#ending !== undefined) throw new Error(`expected more bytes, got ${this.#ending}`)
      await this.#change.promise
    }
    return this.#pieces.shift() as Buffer
  }

  #endAs(ending: string): void {
    this.#ending ??= ending
  }

  /** Applies a change and wakes all waiting functions. */
  #note(change: () => void): void {
    change()
    this.#change.resolve()
    this.#change = Promise.withResolvers()
  }
}

/** Runs all handlers that are due, at both ends of a connection within this process. */
export async function turns(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) await setImmediate()
}

/** Listens on TCP; `connection` resolves with the first connection. */
export async function listenOnce(
  t: Scope,
): Promise<{ address: { host: string; port: number }; connection: Promise<Peer> }> {
  const host = '127.0.0.1'
  const first = Promise.withResolvers<Peer>()
  const server = createServer({ allowHalfOpen: true }, (socket) =>
    first.resolve(new Peer(t, socket)),
  )
  t.teardown(() => server.close())
  await new Promise<void>((resolve) => server.listen({ host, port: 0 }, resolve))
  return {
    address: { host, port: (server.address() as AddressInfo).port },
    connection: first.promise,
  }
}
