import { localReply } from '../../proto/index.ts'
import type { Answer, Connection } from './connection.ts'

/* Short texts for people: an image's identity, and the answer to a read, whole or in part. */

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

/** Returns the part of an answer that has come so far, in words; an empty text for none. */
export function soFar({ received, ended }: Pick<Connection, 'received' | 'ended'>): string {
  if (received.length === 0) return ended === undefined ? '' : 'an end without a reply'
  const length = received.length < 4 ? 4 : 4 + received.readUInt32LE(0)
  if (received.length < length) return `${received.length} bytes of a reply`
  return `${replied(received.subarray(4, length))} and ${received.length - length} bytes, but no close`
}

function replied(message: Buffer): string {
  try {
    return `error ${localReply.decode(message)}`
  } catch {
    return `a frame that is no reply (${message.subarray(0, 16).toString('hex')})`
  }
}

function clip(text: string): string {
  return JSON.stringify(text.length > SHOWN ? `${text.slice(0, SHOWN)}...` : text)
}
