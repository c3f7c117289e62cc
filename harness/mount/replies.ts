import { MAX_TRANSFER, writeU64 } from './wire.ts'

/* The replies of the FUSE protocol. This file alone encodes them. */

const REPLY_HEADER = 16
/** Size of a page and of a block, in bytes. */
const PAGE = 4096

/** Returns a reply: its header and the parts of its body. `error` is an errno, or 0. */
export function encodeReply(unique: number, error: number, body: readonly Buffer[]): Buffer[] {
  const header = Buffer.alloc(REPLY_HEADER)
  const size = body.reduce((sum, part) => sum + part.length, REPLY_HEADER)
  header.writeUInt32LE(size, 0)
  header.writeInt32LE(-error, 4)
  writeU64(header, unique, 8)
  return [header, ...body]
}

/** Capabilities of the protocol that this mount uses. */
const flags = {
  asyncRead: 1 << 0,
  atomicTruncate: 1 << 3,
  bigWrites: 1 << 5,
  parallelDirectories: 1 << 18,
  maxPages: 1 << 22,
}

/**
 * Returns the body of the reply to INIT: large transfers, O_TRUNC as part of open, and no limit on
 * RELEASEs under way. `offered` has the capabilities of the kernel.
 */
export function encodeInit(offered: number): Buffer {
  const reply = Buffer.alloc(64)
  const wanted =
    flags.asyncRead |
    flags.atomicTruncate |
    flags.bigWrites |
    flags.parallelDirectories |
    flags.maxPages
  reply.writeUInt32LE(7, 0)
  reply.writeUInt32LE(31, 4)
  reply.writeUInt32LE(MAX_TRANSFER, 8)
  reply.writeUInt32LE(offered & wanted, 12)
  reply.writeUInt16LE(0xffff, 16)
  reply.writeUInt16LE(0xffff, 18)
  reply.writeUInt32LE(MAX_TRANSFER, 20)
  reply.writeUInt32LE(1, 24)
  reply.writeUInt16LE(MAX_TRANSFER / PAGE, 28)
  return reply
}

export interface Attributes {
  node: number
  /** File type and permissions, as st_mode. */
  mode: number
  /** In bytes. */
  size: number
}

/** Seconds for which the kernel may keep the node of a name. */
const NAME_LIFETIME = 3600

/**
 * Returns the node and attributes of a name. The kernel may keep the node, because only the kernel
 * itself changes the node of a name, and it asks twice before it creates a file. It may not keep
 * the attributes, because images grow.
 */
export function encodeEntry(attributes: Attributes): Buffer {
  const reply = Buffer.alloc(40 + 88)
  writeU64(reply, attributes.node, 0)
  writeU64(reply, NAME_LIFETIME, 16)
  writeAttributes(reply, attributes, 40)
  return reply
}

export function encodeAttributes(attributes: Attributes): Buffer {
  const reply = Buffer.alloc(16 + 88)
  writeAttributes(reply, attributes, 16)
  return reply
}

function writeAttributes(reply: Buffer, { node, mode, size }: Attributes, at: number): void {
  writeU64(reply, node, at)
  writeU64(reply, size, at + 8)
  writeU64(reply, Math.ceil(size / 512), at + 16)
  reply.writeUInt32LE(mode, at + 60)
  reply.writeUInt32LE(1, at + 64)
  reply.writeUInt32LE(PAGE, at + 80)
}

/**
 * Flag of an open file: its reads and writes bypass the page cache, so that two versions of an
 * image never mix.
 */
const DIRECT_IO = 1

export const encodeOpenFile = (handle: number): Buffer => encodeOpen(handle, DIRECT_IO)
export const encodeOpenDirectory = (): Buffer => encodeOpen(0, 0)

function encodeOpen(handle: number, openFlags: number): Buffer {
  const reply = Buffer.alloc(16)
  writeU64(reply, handle, 0)
  reply.writeUInt32LE(openFlags, 8)
  return reply
}

export function encodeWritten(bytes: number): Buffer {
  const reply = Buffer.alloc(8)
  reply.writeUInt32LE(bytes, 0)
  return reply
}

export interface Entry {
  name: string
  node: number
  mode: number
}

/** Returns the entries of a directory from index `offset` on, as many as fit into `room` bytes. */
export function encodeDirectory(entries: readonly Entry[], offset: number, room: number): Buffer {
  const parts: Buffer[] = []
  let bytes = 0
  for (let index = offset; index < entries.length; index++) {
    const part = encodeDirent(entries[index] as Entry, index + 1)
    bytes += part.length
    if (bytes > room) break
    parts.push(part)
  }
  return Buffer.concat(parts)
}

function encodeDirent({ name, node, mode }: Entry, next: number): Buffer {
  const bytes = Buffer.from(name)
  const part = Buffer.alloc(Math.ceil((24 + bytes.length) / 8) * 8)
  writeU64(part, node, 0)
  writeU64(part, next, 8)
  part.writeUInt32LE(bytes.length, 16)
  part.writeUInt32LE(mode >> 12, 20)
  bytes.copy(part, 24)
  return part
}

/** Returns the statistics of a file system that is empty and practically unlimited. */
export function encodeStatfs(): Buffer {
  const reply = Buffer.alloc(80)
  for (const field of [0, 1, 2, 3, 4]) writeU64(reply, 2 ** 40, field * 8)
  reply.writeUInt32LE(PAGE, 40)
  reply.writeUInt32LE(255, 44)
  reply.writeUInt32LE(PAGE, 48)
  return reply
}
