import { FrameDecoder, localImage, localReply, remoteImage } from '../../../proto/index.ts'
import { printableLine } from '../../printable.ts'
import { show } from '../texts.ts'
import type { TraceEvent } from '../trace.ts'

/**
 * Returns the meaning of an event's bytes in one printable line: a header or a reply, as far as the
 * kept bytes tell. Returns undefined for image bytes.
 */
export function decodeEvent(event: TraceEvent): string | undefined {
  const meaning = meaningOf(event)
  return meaning === undefined ? undefined : printableLine(meaning)
}

function meaningOf({
  connection,
  direction,
  kind,
  hex,
  size = 0,
  meaning,
}: TraceEvent): string | undefined {
  if (kind !== 'bytes' || hex === undefined) return undefined
  if (meaning !== undefined) return meaning
  const bytes = Buffer.from(hex, 'hex')
  return connection.includes('link')
    ? decodeForwarded(bytes, size)
    : direction === 'out'
      ? decodeReply(bytes, size)
      : decodeRequest(bytes)
}

function decodeForwarded(bytes: Buffer, size: number): string | undefined {
  return attempt(() => {
    const { payload } = frame(bytes)
    const { snapshotId, name, openMode, size: imageSize } = remoteImage.decode(payload)
    const header = `header ${show(snapshotId, name)}, mode ${openMode}, size ${imageSize}`
    return `${header}${after(size - 4 - payload.length)}`
  })
}

function decodeReply(bytes: Buffer, size: number): string | undefined {
  return attempt(() => {
    const { payload } = frame(bytes)
    return `reply: error ${localReply.decode(payload)}${after(size - 4 - payload.length)}`
  })
}

function decodeRequest(bytes: Buffer): string | undefined {
  return attempt(() => {
    const { snapshotId, name, openMode } = localImage.decode(frame(bytes).payload)
    return `open ${show(snapshotId, name)}, mode ${openMode}`
  })
}

function frame(bytes: Buffer): { payload: Buffer } {
  const decoded = new FrameDecoder().push(bytes)
  if (decoded === undefined) throw new Error('not a whole frame')
  return decoded
}

/** Names the bytes that come after a frame. */
const after = (bytes: number) => (bytes > 0 ? `, then ${bytes} bytes` : '')

function attempt(decode: () => string): string | undefined {
  try {
    return decode()
  } catch {
    return undefined
  }
}
