import { RemoteError } from './error.ts'
import { encodeFrame } from './frame.ts'
import { codec } from './schema.ts'

/** open(2) flag values of `open_mode` (F4). */
export const O_RDONLY = 0
export const O_WRONLY = 1
export const O_APPEND = 0o2000
const O_ACCMODE = 3

/** errno values of `error` (F4). */
export const ENOENT = 2

/** Longest name and longest snapshot id, in bytes: PATH_MAX less its NUL (F5). */
export const NAME_LIMIT = 4095

/** The header of every UNIX connection: an image, and the operation on it. */
export interface LocalImage {
  name: string
  snapshotId: string
  openMode: number
}

/** The header of a forwarded image; `size` in bytes. */
export interface RemoteImage extends LocalImage {
  size: number
}

const local = codec('local_image_entry')
const reply = codec('local_image_reply_entry')
const remote = codec('remote_image_entry')
const snapshot = codec('snapshot_id_entry')

/*
 * Each `encode` returns a whole frame. Each `decode` takes the payload of a frame and throws
 * RemoteError.
 */

export const localImage = {
  encode: ({ name, snapshotId, openMode }: LocalImage): Buffer =>
    encodeFrame(
      local.encode({
        name: short(name, 'name'),
        snapshot_id: short(snapshotId, 'snapshot id'),
        open_mode: openMode,
      }),
    ),
  decode(payload: Buffer): LocalImage {
    return identity(local.decode(payload))
  },
}

export const localReply = {
  encode: (error: number): Buffer => encodeFrame(reply.encode({ error })),
  decode: (payload: Buffer): number => reply.decode(payload)['error'] as number,
}

export const remoteImage = {
  encode: ({ name, snapshotId, openMode, size }: RemoteImage): Buffer =>
    encodeFrame(
      remote.encode({
        name: short(name, 'name'),
        snapshot_id: short(snapshotId, 'snapshot id'),
        open_mode: openMode,
        size,
      }),
    ),
  decode(payload: Buffer): RemoteImage {
    const fields = remote.decode(payload)
    const size = fields['size'] as number
    if (!Number.isSafeInteger(size))
      throw new RemoteError(
        'message-invalid',
        `decoding a remote_image_entry: expected a size below 2^53, got ${size}`,
      )
    return { ...identity(fields), size }
  },
}

export const snapshotEntry = {
  encode: (snapshotId: string): Buffer =>
    encodeFrame(snapshot.encode({ snapshot_id: short(snapshotId, 'snapshot id') })),
  decode: (payload: Buffer): string =>
    short(snapshot.decode(payload)['snapshot_id'] as string, 'snapshot id'),
}

/**
 * Returns the operation of an open mode; undefined for O_RDWR and the invalid 3, which the protocol
 * does not have.
 */
export function purpose(openMode: number): 'read' | 'write' | 'append' | undefined {
  const access = openMode & O_ACCMODE
  if (access > O_WRONLY) return undefined
  if (openMode & O_APPEND) return 'append'
  return access === O_RDONLY ? 'read' : 'write'
}

function identity(fields: Record<string, unknown>): LocalImage {
  return {
    name: short(fields['name'] as string, 'name'),
    snapshotId: short(fields['snapshot_id'] as string, 'snapshot id'),
    openMode: fields['open_mode'] as number,
  }
}

/** Returns `text`. Throws `name-too-long` if it is longer than a name or id may be. */
function short(text: string, field: string): string {
  const bytes = Buffer.byteLength(text)
  if (bytes > NAME_LIMIT)
    throw new RemoteError(
      'name-too-long',
      `${field} of an image: expected at most ${NAME_LIMIT} bytes, got ${bytes}`,
    )
  return text
}
