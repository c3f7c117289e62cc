/*
 * Parts shared by the requests and the replies of the kernel's FUSE protocol
 * (include/uapi/linux/fuse.h, version 7.31). All numbers are little-endian on the machines that
 * CRIU runs on; 64-bit numbers are below 2^53 here.
 */

/** Largest read or write request, in bytes: the 256 pages that the kernel permits. */
export const MAX_TRANSFER = 1_048_576

export function readU64(bytes: Buffer, at: number): number {
  return bytes.readUInt32LE(at) + bytes.readUInt32LE(at + 4) * 2 ** 32
}

export function writeU64(bytes: Buffer, value: number, at: number): void {
  bytes.writeUInt32LE(value % 2 ** 32, at)
  bytes.writeUInt32LE(Math.floor(value / 2 ** 32), at + 4)
}
