import type { Socket } from 'node:net'
import { RemoteError } from '../../proto/error.ts'
import { type Content, chunksOf } from '../memory/content.ts'

/** Bytes in one gathered write, before the sender waits until the kernel takes more. */
const BATCH = 1_048_576

/**
 * Writes an image without copying it. The socket is corked before and after. Waits after each batch
 * until the receiver has taken it.
 */
export async function sendContent(socket: Socket, content: Content): Promise<void> {
  for (const chunk of chunksOf(content)) {
    socket.write(chunk)
    if (socket.writableLength >= BATCH) await flushed(socket)
  }
}

async function flushed(socket: Socket): Promise<void> {
  socket.uncork()
  await drained(socket)
  socket.cork()
}

/** Resolves when the socket takes more bytes. Rejects with `connection-lost` if it is closed. */
export function drained(socket: Socket): Promise<void> {
  if (socket.destroyed || socket.errored) return Promise.reject(lost(socket))
  if (!socket.writableNeedDrain) return Promise.resolve()
  return new Promise((resolve, reject) => {
    const settle = () => {
      socket.off('drain', settle).off('close', settle).off('error', settle)
      if (socket.destroyed || socket.errored) reject(lost(socket))
      else resolve()
    }
    socket.on('drain', settle).on('close', settle).on('error', settle)
  })
}

function lost(socket: Socket): RemoteError {
  return new RemoteError(
    'connection-lost',
    `writing to a connection: ${socket.errored?.message ?? 'it was closed'}`,
  )
}
