import { connect, createServer, type Server, type Socket } from 'node:net'
import { Trace, type TraceEvent } from '../../harness/conformance/trace.ts'
import { FrameDecoder, localImage, localReply, purpose } from '../../proto/index.ts'

/*
 * Stands between a mount and its proxy or cache and sees every open: what was asked for, what was answered, how many bytes went
 * by. Both are strangers to it: it knows what the protocol says of the first frame of each direction, and passes all bytes
 * on as they are, with the ends of both directions where they were.
 */

/** An open of an image, as the wire had it. */
export interface SeenOpen {
  role: 'proxy' | 'cache'
  snapshotId: string
  name: string
  purpose: 'read' | 'write' | 'append' | undefined
  /** Milliseconds since the relay began. */
  at: number
  /** The reply's error; undefined for a write, which has no reply, and for a read without one. */
  error?: number
  /** Milliseconds from the request to the reply. */
  waited?: number
  /** Bytes of the image that went by. */
  bytes: number
}

/** Events of one connection that are kept in the trace: the image's bytes are counted. */
interface Direction {
  decoder: FrameDecoder
  decoded: boolean
}

export class Relay {
  readonly opens: SeenOpen[] = []
  readonly #trace = new Trace()
  readonly #paths = new Map<'proxy' | 'cache', string>()
  readonly #servers: Server[] = []
  readonly #sockets = new Set<Socket>()
  readonly #begin = performance.now()

  /** Where the relay to the newest daemon of that role listens. */
  path(role: 'proxy' | 'cache'): string {
    return this.#paths.get(role) ?? ''
  }

  get events(): readonly TraceEvent[] {
    return this.#trace.events
  }

  /** Listens at `path` for opens to pass on to `server`. */
  async relay(role: 'proxy' | 'cache', path: string, server: string): Promise<void> {
    const listener = createServer({ allowHalfOpen: true }, (client) =>
      this.#pass(role, client, server),
    )
    this.#servers.push(listener)
    this.#paths.set(role, path)
    await new Promise<void>((resolve, reject) =>
      listener.once('error', reject).listen(path, resolve),
    )
  }

  stop(): void {
    for (const server of this.#servers) server.close()
    for (const socket of this.#sockets) socket.destroy()
  }

  #pass(role: 'proxy' | 'cache', client: Socket, path: string): void {
    const name = `${role} ${this.opens.length + 1}`
    const open: SeenOpen = {
      role,
      snapshotId: '',
      name: '',
      purpose: undefined,
      at: this.#now(),
      bytes: 0,
    }
    this.opens.push(open)
    const server = connect({ path, allowHalfOpen: true })
    for (const socket of [client, server])
      this.#sockets.add(socket.on('close', () => this.#sockets.delete(socket)))
    this.#trace.add(name, 'in', 'open')
    this.#watch(client, server, name, 'in', open)
    this.#watch(server, client, name, 'out', open)
  }

  #watch(
    from: Socket,
    to: Socket,
    connection: string,
    direction: 'in' | 'out',
    open: SeenOpen,
  ): void {
    const first: Direction = { decoder: new FrameDecoder(), decoded: false }
    from.on('data', (piece) => {
      if (!first.decoded) this.#first(first, piece as Buffer, connection, direction, open)
      else open.bytes += piece.length
    })
    from.on('end', () =>
      this.#trace.add(
        connection,
        direction,
        'end',
        undefined,
        open.bytes > 0 ? `${open.bytes} bytes` : undefined,
      ),
    )
    from.on('error', () => to.destroy())
    from.pipe(to)
  }

  /** Looks at the frame that a direction begins with; what is no frame is passed on all the same. */
  #first(
    first: Direction,
    piece: Buffer,
    connection: string,
    direction: 'in' | 'out',
    open: SeenOpen,
  ): void {
    try {
      const frame = first.decoder.push(piece)
      if (frame === undefined) return
      first.decoded = true
      open.bytes += frame.rest.length
      this.#trace.add(
        connection,
        direction,
        'bytes',
        piece.subarray(0, piece.length - frame.rest.length),
      )
      if (direction === 'in') this.#request(open, frame.payload)
      else
        Object.assign(open, {
          error: localReply.decode(frame.payload),
          waited: this.#now() - open.at,
        })
    } catch {
      first.decoded = true
      this.#trace.add(connection, direction, 'bytes', piece, 'no frame of this protocol')
    }
  }

  #request(open: SeenOpen, payload: Buffer): void {
    const { snapshotId, name, openMode } = localImage.decode(payload)
    Object.assign(open, { snapshotId, name, purpose: purpose(openMode) })
  }

  #now(): number {
    return Math.round((performance.now() - this.#begin) * 10) / 10
  }
}
