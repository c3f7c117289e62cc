import type { Answer } from './connection.ts'

/* Short texts for people: an image's identity, and the answer to a read. */

/** Characters of a name or snapshot id that are shown. */
const SHOWN = 40

/** Returns an image's identity. Control characters are escaped, and long names are cut. */
export function show(snapshotId: string, name: string): string {
  return `${clip(snapshotId)}:${clip(name)}`
}

/** Returns an answer in words: the error, the number of bytes, and how the connection ended. */
export function describe({ error, size, bytes, end }: Answer): string {
  const close = end === 'end' ? 'a close' : 'a reset'
  if (error !== undefined) return `error ${error}, ${size} bytes, and ${close}`
  if (size === 0) return `no reply and ${close}`
  const first = bytes.subarray(0, 16).toString('hex')
  return `${size} bytes that are no reply (${first}), and ${close}`
}

function clip(text: string): string {
  return JSON.stringify(text.length > SHOWN ? `${text.slice(0, SHOWN)}...` : text)
}
