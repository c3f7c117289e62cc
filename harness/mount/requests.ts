import { Errno } from './errno.ts'
import { readU64 } from './wire.ts'

/*
 * The requests of the kernel's FUSE protocol, as far as this mount uses them. This file alone
 * decodes them.
 *
 * A node is a file or directory; 1 is the root. A handle is an open file.
 */

/** Size of the header before every request's body, in bytes. */
export const REQUEST_HEADER = 40

type Operation =
  | { kind: 'init'; flags: number }
  | { kind: 'lookup'; node: number; name: string }
  | { kind: 'forget'; lookups: readonly Lookups[] }
  | { kind: 'getattr'; node: number; handle: number | undefined }
  /** `size` is undefined if the request sets other attributes only. */
  | { kind: 'setattr'; node: number; size: number | undefined }
  | { kind: 'readlink'; node: number }
  | { kind: 'symlink'; node: number; name: string; target: string }
  | { kind: 'mkdir'; node: number; name: string }
  | { kind: 'unlink'; node: number; name: string }
  | { kind: 'rmdir'; node: number; name: string }
  | { kind: 'open'; node: number; flags: number }
  | { kind: 'create'; node: number; name: string; flags: number }
  | { kind: 'read'; handle: number; offset: number; size: number }
  | { kind: 'write'; handle: number; offset: number; bytes: Buffer }
  | { kind: 'release'; handle: number }
  | { kind: 'readdir'; node: number; offset: number; size: number }
  | { kind: 'access'; node: number }
  /** `target` is the `unique` number of the request to interrupt. */
  | { kind: 'interrupt'; target: number }
  | { kind: 'opendir' }
  | { kind: 'statfs' }
  | { kind: 'fsync' }
  | { kind: 'releasedir' }
  | { kind: 'destroy' }
  /** A request that cannot be served, and the reason. */
  | { kind: 'refused'; reason: Errno }

export type FuseRequest = Operation & {
  /** Identifies the request in its reply. */
  unique: number
}

/** A number of look-ups of a node that the kernel forgets. */
interface Lookups {
  node: number
  times: number
}

export function decodeRequest(bytes: Buffer): FuseRequest {
  const decode = decoders[bytes.readUInt32LE(4)]
  const unique = readU64(bytes, 8)
  const node = readU64(bytes, 16)
  try {
    if (decode === undefined) throw new Errno('ENOSYS')
    return { unique, ...decode(bytes.subarray(REQUEST_HEADER), node) }
  } catch (thrown) {
    if (!(thrown instanceof Errno)) throw thrown
    return { unique, kind: 'refused', reason: thrown }
  }
}

/**
 * Decoders of request bodies, by opcode. Any other request is refused, among them FLUSH (25): after
 * one ENOSYS the kernel no longer sends a FLUSH at each close.
 */
const decoders: Record<number, (body: Buffer, node: number) => Operation> = {
  1: (body, node) => ({ kind: 'lookup', node, name: decodeName(body, 0) }),
  2: (body, node) => ({ kind: 'forget', lookups: [{ node, times: readU64(body, 0) }] }),
  3: (body, node) => ({ kind: 'getattr', node, handle: decodeGetattrHandle(body) }),
  4: (body, node) => ({ kind: 'setattr', node, size: decodeNewSize(body) }),
  5: (_, node) => ({ kind: 'readlink', node }),
  6: (body, node) => ({ kind: 'symlink', node, ...decodeSymlink(body) }),
  9: (body, node) => ({ kind: 'mkdir', node, name: decodeName(body, 8) }),
  10: (body, node) => ({ kind: 'unlink', node, name: decodeName(body, 0) }),
  11: (body, node) => ({ kind: 'rmdir', node, name: decodeName(body, 0) }),
  14: (body, node) => ({ kind: 'open', node, flags: body.readUInt32LE(0) }),
  15: (body) => ({ kind: 'read', ...decodeTransfer(body) }),
  16: (body) => ({ kind: 'write', ...decodeWrite(body) }),
  17: () => ({ kind: 'statfs' }),
  18: (body) => ({ kind: 'release', handle: readU64(body, 0) }),
  20: () => ({ kind: 'fsync' }),
  26: (body) => ({ kind: 'init', flags: body.readUInt32LE(12) }),
  27: () => ({ kind: 'opendir' }),
  28: (body, node) => ({ kind: 'readdir', node, ...decodeRange(body) }),
  29: () => ({ kind: 'releasedir' }),
  34: (_, node) => ({ kind: 'access', node }),
  35: (body, node) => ({
    kind: 'create',
    node,
    name: decodeName(body, 16),
    flags: body.readUInt32LE(0),
  }),
  36: (body) => ({ kind: 'interrupt', target: readU64(body, 0) }),
  38: () => ({ kind: 'destroy' }),
  42: (body) => ({ kind: 'forget', lookups: decodeBatch(body) }),
}

/** Returns the handle of a GETATTR; undefined if the kernel gives none. */
function decodeGetattrHandle(body: Buffer): number | undefined {
  return body.readUInt32LE(0) & 1 ? readU64(body, 8) : undefined
}

/** Returns the new size of a SETATTR; undefined if it sets other attributes only. */
function decodeNewSize(body: Buffer): number | undefined {
  return body.readUInt32LE(0) & 8 ? readU64(body, 16) : undefined
}

function decodeTransfer(body: Buffer): { handle: number; offset: number; size: number } {
  return { handle: readU64(body, 0), ...decodeRange(body) }
}

function decodeRange(body: Buffer): { offset: number; size: number } {
  return { offset: readU64(body, 8), size: body.readUInt32LE(16) }
}

function decodeWrite(body: Buffer): { handle: number; offset: number; bytes: Buffer } {
  return { handle: readU64(body, 0), offset: readU64(body, 8), bytes: body.subarray(40) }
}

function decodeBatch(body: Buffer): Lookups[] {
  return Array.from({ length: body.readUInt32LE(0) }, (_, index) => ({
    node: readU64(body, 8 + index * 16),
    times: readU64(body, 16 + index * 16),
  }))
}

function decodeSymlink(body: Buffer): { name: string; target: string } {
  return { name: decodeName(body, 0), target: decodeName(body, body.indexOf(0) + 1) }
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** Returns the NUL-terminated name that starts at `from`. Throws EILSEQ if it is not UTF-8. */
function decodeName(body: Buffer, from: number): string {
  try {
    return utf8.decode(body.subarray(from, body.indexOf(0, from)))
  } catch {
    throw new Errno('EILSEQ', 'a name that is not UTF-8')
  }
}
