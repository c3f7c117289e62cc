import type { Version } from './history.ts'

/*
 * The bytes of each write and append are unlike those of any other, so the bytes of a version tell
 * the writes and appends that it consists of.
 */

/** The bytes of a write or append. */
export interface Part {
  id: number
  bytes: Buffer
}

/** The bytes of an answer, read as a version. */
export type Parsed =
  | { version: Version }
  /** The bytes end inside a part, or are none of any part. */
  | { version: Version; broken: string; isCut: boolean }

/** Returns the version that these bytes are, or why they are none. */
export function parse(bytes: Buffer, parts: readonly Part[]): Parsed {
  const version: number[] = []
  let at = 0
  while (at < bytes.length) {
    const rest = bytes.subarray(at)
    const part = parts.find((each) => startsWith(rest, each.bytes))
    if (part === undefined) return { version, ...broken(rest, at, parts) }
    version.push(part.id)
    at += part.bytes.length
  }
  return { version }
}

const startsWith = (bytes: Buffer, start: Buffer) =>
  start.length > 0 &&
  bytes.length >= start.length &&
  bytes[0] === start[0] &&
  bytes.subarray(0, start.length).equals(start)

function broken(rest: Buffer, at: number, parts: readonly Part[]) {
  const cut = parts.find((each) => startsWith(each.bytes, rest))
  if (cut === undefined)
    return { broken: `bytes from ${at} on that no client sent in this place`, isCut: false }
  return {
    broken: `${at + rest.length} bytes, which end after ${rest.length} of ${cut.bytes.length} bytes of a write`,
    isCut: true,
  }
}
