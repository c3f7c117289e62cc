import { once } from 'node:events'
import { rmSync } from 'node:fs'
import { createServer, type Server, type Socket } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { ENOENT, FrameDecoder, localImage, localReply, O_APPEND } from '../../../proto/index.ts'
import type { Changes } from '../../changes.ts'
import type { ControlNames } from '../control-names.ts'
import { noteTrouble } from '../suite-trouble.ts'
import { show } from '../texts.ts'
import type { Trace } from '../trace.ts'
import { ClientRequest, type ServerSide } from './client-request.ts'
import type { ImageStore } from './image-store.ts'

/** Time between two pieces of a reply in pieces, in ms: a client reads each of them alone. */
const BETWEEN_PIECES = 5
/** Bytes of an image that follow a reply in pieces one by one. */
const IN_PIECES = 6

/** How a server treats one request; a sound server does without any of it. */
export interface Behaviour {
  /** The answer, or the reading of a write, begins after it. */
  after?: Promise<unknown>
  /** The error of the reply. */
  error?: number
  /**
   * `pieces`: byte by byte, and the first bytes of the image as well. `with image`: in one piece
   * with the image. `none`: the connection is closed without a reply. `part`: it is closed after
   * three bytes of the reply.
   */
  reply?: 'pieces' | 'with image' | 'none' | 'part'
  /** Number of bytes of the image before the close; all unless given. */
  cut?: number
  /** A write is not taken: the connection is closed with its bytes unread. */
  hangsUp?: true
  /** Bytes that are served in place of the image. */
  bytes?: Buffer
}

/** Returns how to treat a request, or undefined to treat it soundly. */
export type Rule = (request: ClientRequest) => Behaviour | undefined

/** The parts that both servers of a case share. */
export interface ServerOptions {
  trace: Trace
  store: ImageStore
  names: ControlNames
  /** Returns the next number of an event. */
  count(): number
  requests: ClientRequest[]
  changes: Changes
}

/**
 * The proxy or the cache of a client under test. It keeps images in memory and answers soundly,
 * unless a rule of the case says otherwise; it records every request, its bytes and its end.
 */
export class ScriptedServer {
  readonly side: ServerSide
  readonly path: string
  readonly #options: ServerOptions
  readonly #sockets = new Set<Socket>()
  #server: Server | undefined
  #rules: Rule[] = []

  constructor(side: ServerSide, path: string, options: ServerOptions) {
    this.side = side
    this.path = path
    this.#options = options
  }

  /** Listens at its path. */
  async listen(): Promise<void> {
    const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (socket) =>
      this.#accept(socket),
    )
    this.#server = server
    server.on('error', noteTrouble)
    await once(server.listen(this.path), 'listening')
  }

  /** Treats requests by a rule; a later rule comes before an earlier one. */
  rule(rule: Rule): void {
    this.#rules.unshift(rule)
  }

  /** Forgets all rules: from here on it answers soundly. */
  heal(): void {
    this.#rules = []
  }

  /** Is gone, as after a crash: refuses connections and ends those that are open. */
  die(): void {
    this.#server?.close()
    this.#server = undefined
    for (const socket of this.#sockets) socket.destroy()
  }

  /** Is gone without a trace: its path does not exist any more either. */
  vanish(): void {
    this.die()
    rmSync(this.path, { force: true })
  }

  /** Is there again after `die` or `vanish`. */
  async revive(): Promise<void> {
    rmSync(this.path, { force: true })
    await this.listen()
  }

  #accept(socket: Socket): void {
    const { requests, trace, changes, count } = this.#options
    const request = new ClientRequest(this.side, socket, requests.length + 1)
    requests.push(request)
    this.#sockets.add(socket)
    trace.add(request.connection, 'out', 'open')
    const decoder = new FrameDecoder()
    const end = (how: 'end' | 'reset') => {
      if (request.endedAt !== undefined) return
      request.endedAt = count()
      trace.add(request.connection, 'out', how)
      if (!request.isKnown) request.malformed ??= `${how === 'end' ? 'a close' : 'a reset'} before`
      if (how === 'end') this.#complete(request)
      changes.notify()
    }
    socket.on('data', (piece) => this.#take(request, decoder, piece))
    socket.on('end', () => end('end'))
    socket.on('error', () => end('reset'))
    socket.on('close', () => {
      this.#sockets.delete(socket)
      end('reset')
    })
    socket.resume()
  }

  #take(request: ClientRequest, decoder: FrameDecoder, piece: Buffer): void {
    const { trace, changes } = this.#options
    if (request.isKnown) {
      trace.add(request.connection, 'out', 'bytes', piece)
      this.#takeBytes(request, piece)
    } else if (request.malformed === undefined) {
      this.#takeHeader(request, decoder, piece)
    }
    changes.notify()
  }

  #takeHeader(request: ClientRequest, decoder: FrameDecoder, piece: Buffer): void {
    const { trace, count } = this.#options
    try {
      const frame = decoder.push(piece)
      if (frame === undefined) {
        trace.add(request.connection, 'out', 'bytes', piece, 'a part of a request')
        return
      }
      Object.assign(request, localImage.decode(frame.payload), { isKnown: true })
      request.headerAt = count()
      const { snapshotId, name, openMode } = request
      const meaning = `open ${show(snapshotId, name)}, mode ${openMode}`
      trace.add(request.connection, 'out', 'bytes', piece, meaning)
      if (frame.rest.length > 0) this.#takeBytes(request, frame.rest)
    } catch (thrown) {
      request.malformed = (thrown as Error).message
      trace.add(request.connection, 'out', 'bytes', piece, 'no request')
      request.socket.destroy()
      return
    }
    void this.#treat(request)
  }

  #takeBytes(request: ClientRequest, piece: Buffer): void {
    if (request.isRead) request.unasked += piece.length
    else request.bytes = Buffer.concat([request.bytes, piece])
  }

  async #treat(request: ClientRequest): Promise<void> {
    const behaviour = this.#behaviourFor(request)
    if (request.isRead) {
      await this.#answer(request, behaviour)
    } else if (behaviour.after !== undefined) {
      request.socket.pause()
      await behaviour.after
      if (behaviour.hangsUp) request.socket.destroy()
      request.socket.resume()
    } else if (behaviour.hangsUp) {
      request.socket.destroy()
    }
  }

  #behaviourFor(request: ClientRequest): Behaviour {
    for (const rule of this.#rules) {
      const behaviour = rule(request)
      if (behaviour !== undefined) return behaviour
    }
    return {}
  }

  /** Answers a read. An open that finishes the restore gets error 0 and a close. */
  async #answer(request: ClientRequest, behaviour: Behaviour): Promise<void> {
    const { after, error, reply } = behaviour
    await after
    const image = await this.#imageFor(request, behaviour)
    const { socket } = request
    if (reply === 'none') return this.#close(request)
    const code = error ?? (image === undefined ? ENOENT : 0)
    const frame = localReply.encode(code)
    if (reply === 'part') {
      this.#send(request, frame.subarray(0, 3), 'three bytes of a reply')
      return this.#close(request)
    }
    const bytes = code === 0 ? (image ?? Buffer.alloc(0)) : Buffer.alloc(0)
    const rest = bytes.subarray(0, behaviour.cut ?? bytes.length)
    request.replied = code
    const meaning = `reply: error ${code}`
    if (reply === 'with image') {
      this.#send(request, Buffer.concat([frame, rest]), `${meaning}, then ${rest.length} bytes`)
    } else if (reply === 'pieces') {
      await this.#sendByBytes(request, Buffer.concat([frame, rest.subarray(0, IN_PIECES)]))
      this.#send(request, rest.subarray(IN_PIECES))
    } else {
      this.#send(request, frame, meaning)
      this.#send(request, rest)
    }
    if (socket.destroyed) return
    this.#close(request)
  }

  async #imageFor(
    request: ClientRequest,
    { error, bytes }: Behaviour,
  ): Promise<Buffer | undefined> {
    const { snapshotId, name, side } = request
    const { store, names } = this.#options
    if (bytes !== undefined) return bytes
    if (side === 'cache' && snapshotId === names.nullId && name === names.restoreFinish)
      return Buffer.alloc(0)
    if (side === 'proxy' || error !== undefined) return store.get(snapshotId, name)
    return store.awaited(snapshotId, name)
  }

  async #sendByBytes(request: ClientRequest, bytes: Buffer): Promise<void> {
    for (const byte of bytes) {
      this.#send(request, Buffer.of(byte), 'a byte of the reply or the image')
      await pause(BETWEEN_PIECES)
    }
  }

  #send(request: ClientRequest, bytes: Buffer, meaning?: string): void {
    const { destroyed, writableEnded } = request.socket
    if (destroyed || writableEnded || bytes.length === 0) return
    this.#options.trace.add(request.connection, 'in', 'bytes', bytes, meaning)
    request.socket.write(bytes)
  }

  #close({ socket, connection }: ClientRequest): void {
    this.#options.trace.add(connection, 'in', 'end')
    socket.end()
  }

  /** Stores a completed write; the finish of a dump ends the waits at the cache. */
  #complete(request: ClientRequest): void {
    // A reader may close its sending side, and then reads on.
    if (request.isKnown && request.isRead) return
    request.socket.end()
    if (!request.isKnown) return
    const { store, names } = this.#options
    const { snapshotId, name, bytes, openMode } = request
    if (snapshotId === names.nullId && name === names.dumpFinish) store.close()
    else store.complete(snapshotId, name, bytes, openMode === O_APPEND)
  }
}
