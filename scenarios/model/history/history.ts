/*
 * The history of one image: all operations of clients on it, with their moments on one clock.
 *
 * A history is legal if its operations can be put into one order that explains every answer. The
 * order has to respect the clock: an operation that ended before another one began comes first.
 * This is linearizability (Herlihy and Wing, 1990) for a register that can also be appended to. The
 * rules, each with its clause:
 *
 * - A write or append takes effect at one moment between the beginning and the end of the close of
 *   its client. A read whose connection is opened after the close sees it (L5, L10). A read that is
 *   answered before the close has begun sees nothing of it (L7).
 * - Two writes or appends are ordered if the second was opened after the close of the first (L10).
 *   If both were open at once, no client can order them, whichever close came first (W5). A read
 *   between the two closes orders them nevertheless, since it sees the one and not the other.
 * - A write replaces the image (L5). An append puts its bytes after those that are there (L6).
 * - A read at the proxy returns the whole version of one moment between the opening of its
 *   connection and its reply, to the last byte (L7), or ENOENT if there is none (P1).
 * - The versions of an image come on the link in the order of its writes and appends (W5), each
 *   after the close of its client has begun (W3). None is missing at the end (W5, E1a). An append
 *   is forwarded as the whole image, so a version may be left out if the next one is an append that
 *   contains it (D2); a version that a write replaces may not.
 * - Across images, a write that was closed before another was opened comes first on the link (W5).
 *   A version that contains an append counts for it.
 * - The cache is behind the proxy by any time. A read there returns a version that has come; its
 *   versions never go back (C1). A read of a missing image waits (C2). ENOENT comes only after the
 *   link's end has begun (C3), and only if the image has never come; later reads return the last
 *   version. A barrier is an image that was forwarded after others: a read that is opened at the
 *   cache after the barrier was served there sees all that was closed before it (W5, C2).
 * - A write or append whose header was sent after that of the finish may be dropped (E1a).
 *
 * Left out, because no clause decides it: a writer that breaks off. A UNIX socket has no reset that
 * its peer could tell from a close, so a client that destroys its socket completes the image as
 * well (L5). A read without a reply, and a read that is reset after its reply (L7), say nothing.
 *
 * The alternative, one model of all images at once, has to try far more orders: linearizability is
 * local, so each image is searched alone, and only the order on the link joins the images.
 */

/** A moment on the clock of a history: a number that counts events. */
export type Moment = number

/** A version of an image: the ids of the writes and appends whose bytes it has, in order. */
export type Version = readonly number[]

/** A write or append of one client. */
export interface Write {
  id: number
  client: string
  mode: 'write' | 'append'
  /** Number of its bytes; without any it is not seen in a version. */
  size: number
  /** Before its connection is opened. */
  opened: Moment
  /** Before its close. */
  closing: Moment
  /** After its close; infinite while that is not known. */
  closed: Moment
  /** Whether it may be dropped, because its header came after that of the finish. */
  optional?: boolean
}

/** A read that was answered with a whole version or ENOENT. */
export interface Read {
  side: 'proxy' | 'cache'
  client: string
  /** Before its connection is opened. */
  opened: Moment
  /** After its reply. */
  answered: Moment
  got: Version | 'missing'
}

/** A version as it came on the link. */
export interface Forward {
  /** Its place among the images of all names on the link. */
  place: number
  came: Moment
  got: Version
}

/** A moment of the cache: a read that is opened after `seen` sees all that was closed by `sent`. */
export interface Barrier {
  sent: Moment
  seen: Moment
}

export interface ImageHistory {
  name: string
  /** The version before the first operation. */
  initial: Version | 'missing'
  writes: readonly Write[]
  reads: readonly Read[]
  /** The versions on the link; undefined if the link is not seen. */
  link: readonly Forward[] | undefined
  /** Whether the link is seen to its end or a barrier, so that no version may be missing. */
  linkIsWhole: boolean
  barriers: readonly Barrier[]
  /** The beginning of the link's end; infinite while it is open. */
  linkEnds: Moment
}

/** Returns whether the write cannot take effect after the read. */
export function seenBy(write: Write, read: Read, barriers: readonly Barrier[]): boolean {
  if (read.side === 'proxy') return write.closed < read.opened
  return barriers.some(({ sent, seen }) => write.closed < sent && seen < read.opened)
}

/** Returns whether two versions are the same. */
export const same = (one: Version | 'missing', other: Version | 'missing'): boolean =>
  `${one}` === `${other}` && (one === 'missing') === (other === 'missing')
