/*
 * The structures of the kernel's FUSE protocol, as far as this mount uses them (include/uapi/linux/fuse.h, 7.31):
 * all little-endian on the machines that CRIU runs on, 64-bit numbers below 2^53 here.
 */

export const opcode = {
  lookup: 1,
  forget: 2,
  getattr: 3,
  setattr: 4,
  readlink: 5,
  symlink: 6,
  mknod: 8,
  mkdir: 9,
  unlink: 10,
  rmdir: 11,
  open: 14,
  read: 15,
  write: 16,
  statfs: 17,
  release: 18,
  fsync: 20,
  init: 26,
  opendir: 27,
  readdir: 28,
  releasedir: 29,
  access: 34,
  create: 35,
  interrupt: 36,
  destroy: 38,
  batchForget: 42,
} as const

export const IN_HEADER = 40
const OUT_HEADER = 16

/** Flags of an open file: its reads and writes bypass the page cache, so that two versions of an image never mix. */
export const FOPEN_DIRECT_IO = 1

const flags = {
  asyncRead: 1 << 0,
  atomicTruncate: 1 << 3,
  bigWrites: 1 << 5,
  parallelDirectories: 1 << 18,
  maxPages: 1 << 22,
}

/** Largest read or write request, in bytes: the 256 pages that the kernel permits. */
export const MAX_TRANSFER = 1_048_576
const PAGE = 4096

export interface Request {
  opcode: number
  /** Identifies the request in its reply. */
  unique: number
  /** The file or directory; 1 is the root. */
  node: number
  /** What follows the header. */
  body: Buffer
}

export interface Attributes {
  node: number
  /** File type and permissions, as st_mode. */
  mode: number
  /** Bytes. */
  size: number
}

export interface Entry {
  name: string
  node: number
  mode: number
}

export function decodeRequest(bytes: Buffer): Request {
  return {
    opcode: bytes.readUInt32LE(4),
    unique: u64(bytes, 8),
    node: u64(bytes, 16),
    body: bytes.subarray(IN_HEADER),
  }
}

export function encodeReply(unique: number, error: number, bodyBytes: number): Buffer {
  const header = Buffer.alloc(OUT_HEADER)
  header.writeUInt32LE(OUT_HEADER + bodyBytes, 0)
  header.writeInt32LE(-error, 4)
  writeU64(header, unique, 8)
  return header
}

/** The answer to INIT: large transfers, O_TRUNC as part of open, and no limit on RELEASEs that are under way. */
export function encodeInit(request: Buffer): Buffer {
  const reply = Buffer.alloc(64)
  const offered = request.readUInt32LE(12)
  reply.writeUInt32LE(7, 0)
  reply.writeUInt32LE(31, 4)
  reply.writeUInt32LE(MAX_TRANSFER, 8)
  reply.writeUInt32LE(
    offered &
      (flags.asyncRead |
        flags.atomicTruncate |
        flags.bigWrites |
        flags.parallelDirectories |
        flags.maxPages),
    12,
  )
  reply.writeUInt16LE(0xffff, 16)
  reply.writeUInt16LE(0xffff, 18)
  reply.writeUInt32LE(MAX_TRANSFER, 20)
  reply.writeUInt32LE(1, 24)
  reply.writeUInt16LE(MAX_TRANSFER / PAGE, 28)
  return reply
}

/** Seconds for which the kernel need not ask for a name again. */
const NAME_IS_KNOWN = 3600

/**
 * What a name stands for never changes but by the kernel itself, which asks for it twice to create a file; so it may keep names. It must
 * ask for attributes each time, since an image grows.
 */
export function encodeEntry(attributes: Attributes): Buffer {
  const reply = Buffer.alloc(40 + 88)
  writeU64(reply, attributes.node, 0)
  writeU64(reply, NAME_IS_KNOWN, 16)
  writeAttributes(reply, attributes, 40)
  return reply
}

export function encodeAttributes(attributes: Attributes): Buffer {
  const reply = Buffer.alloc(16 + 88)
  writeAttributes(reply, attributes, 16)
  return reply
}

export function encodeOpen(handle: number, openFlags: number): Buffer {
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

/** What fits of a directory's entries from `offset` on. */
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

/** A file system that is empty and endless, as far as anybody asks. */
export function encodeStatfs(): Buffer {
  const reply = Buffer.alloc(80)
  for (const field of [0, 1, 2, 3, 4]) writeU64(reply, 2 ** 40, field * 8)
  reply.writeUInt32LE(PAGE, 40)
  reply.writeUInt32LE(255, 44)
  reply.writeUInt32LE(PAGE, 48)
  return reply
}

export const decodeOpenFlags = (body: Buffer): number => body.readUInt32LE(0)
/** A body that begins with a 64-bit number: a handle to release, a request to interrupt, a number of look-ups to forget. */
export const decodeNumber = (body: Buffer): number => u64(body, 0)

/** READ, READDIR, and the front of WRITE: 40 bytes. */
export function decodeTransfer(body: Buffer): { handle: number; offset: number; size: number } {
  return { handle: u64(body, 0), offset: u64(body, 8), size: body.readUInt32LE(16) }
}

export const decodeWriteData = (body: Buffer): Buffer => body.subarray(40)

/** The handle of a GETATTR, where the kernel gives one. */
export function decodeGetattrHandle(body: Buffer): number | undefined {
  return body.readUInt32LE(0) & 1 ? u64(body, 8) : undefined
}

/** The new size in a SETATTR, if that is what it sets. */
export function decodeNewSize(body: Buffer): number | undefined {
  return body.readUInt32LE(0) & 8 ? u64(body, 16) : undefined
}

export function decodeBatchForget(body: Buffer): { node: number; times: number }[] {
  return Array.from({ length: body.readUInt32LE(0) }, (_, index) => ({
    node: u64(body, 8 + index * 16),
    times: u64(body, 16 + index * 16),
  }))
}

/** NUL-terminated names that start at `from`; an undecodable name is undefined. */
export function decodeNames(body: Buffer, from: number): (string | undefined)[] {
  const names: (string | undefined)[] = []
  for (
    let start = from, end = body.indexOf(0, start);
    end >= 0;
    start = end + 1, end = body.indexOf(0, start)
  ) {
    names.push(decodeName(body.subarray(start, end)))
  }
  return names
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

function decodeName(bytes: Buffer): string | undefined {
  try {
    return utf8.decode(bytes)
  } catch {
    return undefined
  }
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

function writeAttributes(target: Buffer, { node, mode, size }: Attributes, at: number): void {
  writeU64(target, node, at)
  writeU64(target, size, at + 8)
  writeU64(target, Math.ceil(size / 512), at + 16)
  target.writeUInt32LE(mode, at + 60)
  target.writeUInt32LE(1, at + 64)
  target.writeUInt32LE(PAGE, at + 80)
}

function u64(bytes: Buffer, at: number): number {
  return bytes.readUInt32LE(at) + bytes.readUInt32LE(at + 4) * 2 ** 32
}

function writeU64(bytes: Buffer, value: number, at: number): void {
  bytes.writeUInt32LE(value % 2 ** 32, at)
  bytes.writeUInt32LE(Math.floor(value / 2 ** 32), at + 4)
}
