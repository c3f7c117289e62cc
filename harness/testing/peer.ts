import { type AddressInfo, createServer, type Socket } from 'node:net'
import { setImmediate } from 'node:timers/promises'
import { FrameDecoder } from '../../proto/frame.ts'
import { localReply, type RemoteImage, remoteImage } from '../../proto/messages.ts'

/** What a test offers to end what it started. */
export interface Scope {
  teardown(end: () => unknown): unknown
}

/** One end of a connection that sends what it is told and keeps what comes. */
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

  /** Sends byte after byte, each seen by the other side on its own. */
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

  /** Bytes that came and were not taken yet. */
  get received(): number {
    return this.#pieces.reduce((sum, { length }) => sum + length, 0)
  }

  async frame(): Promise<Buffer> {
    const decoder = new FrameDecoder()
    for (;;) {
      const frame = decoder.push(await this.#next())
      if (frame === undefined) continue
      this.#pieces.unshift(frame.rest)
      return frame.payload
    }
  }

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

  /** How the other side ended: 'end', or an errno. */
  async ending(): Promise<string> {
    while (this.#ending === undefined) await this.#change.promise
    return this.#ending
  }

  /** All bytes up to the end of the stream; throws at any other end. */
  async rest(): Promise<Buffer> {
    const ending = await this.ending()
    if (ending !== 'end') throw new Error(`expected the end of the stream, got ${ending}`)
    return Buffer.concat(this.#pieces.splice(0))
  }

  /** The next image of a link; `bodySize` where it is not the size in the header. */
  async forwarded(bodySize?: number): Promise<{ header: RemoteImage; body: Buffer }> {
    const header = remoteImage.decode(await this.frame())
    return { header, body: await this.take(bodySize ?? header.size) }
  }

  /** The answer to a read: the errno, then all bytes. */
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

  #endAs(how: string): void {
    this.#ending ??= how
  }

  #note(what: () => void): void {
    what()
    this.#change.resolve()
    this.#change = Promise.withResolvers()
  }
}

/** Lets every handler that is due run, in both directions of a connection within this process. */
export async function turns(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) await setImmediate()
}

/** Listens on TCP for one connection. */
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
