import type { Socket } from 'node:net'

/** The daemon that a client talks to. */
export type ServerSide = 'proxy' | 'cache'

/** One connection of a client: the open of one image, as the suite saw it. */
export class ClientRequest {
  readonly side: ServerSide
  readonly socket: Socket
  /** The place of the connection among all of the case, from 1. */
  readonly number: number
  snapshotId = ''
  name = ''
  openMode = 0
  /** Whether the whole header has come. */
  isKnown = false
  /** Why the first bytes are no request; undefined if they are one. */
  malformed: string | undefined
  /** The bytes after the header, of a write. */
  bytes = Buffer.alloc(0)
  /** Number of the bytes that the client sent after the header of a read. */
  unasked = 0
  /** The place of the end among all events of the case; undefined while it is open. */
  endedAt: number | undefined
  /** The place of the header among all events of the case. */
  headerAt = 0
  /** The error that the suite replied; undefined for none. */
  replied: number | undefined

  constructor(side: ServerSide, socket: Socket, number: number) {
    this.side = side
    this.socket = socket
    this.number = number
  }

  get isRead(): boolean {
    return this.openMode === 0
  }

  /** The name of its connection in the trace. */
  get connection(): string {
    return `${this.side} request ${this.number}`
  }
}
