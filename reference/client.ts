import type { Socket } from 'node:net'
import { addAbortSignal } from 'node:stream'
import { RemoteError } from '../proto/error.ts'
import { FrameDecoder } from '../proto/frame.ts'
import {
  ENOENT,
  localImage,
  localReply,
  O_APPEND,
  O_RDONLY,
  O_WRONLY,
  snapshotEntry,
} from '../proto/messages.ts'
import { type Dialect, dialect, SNAPSHOT_LIST } from './dialect.ts'
import { drained } from './transport/send.ts'
import { SocketReader } from './transport/socket-reader.ts'
import { connectUnix } from './transport/unix-socket.ts'

/*
 * CRIU's side of the protocol: each function opens one connection to a proxy or cache and does one thing.
 * A write has no answer (L5): that it arrived is known only by reading it back, from the proxy or from the cache.
 */

/** An image opened for reading: the server said that it exists; its bytes follow until the server closes. */
export interface Reading {
  socket: Socket
  /** Hands over the bytes as they come; resolves at the end of the image. */
  bytes(sink: (piece: Buffer) => void): Promise<void>
}

/** Opens an image for reading. Undefined is ENOENT; another error throws `not-found`. Waits as long as the server does. */
export async function openRead(
  server: string,
  snapshotId: string,
  name: string,
  signal?: AbortSignal,
): Promise<Reading | undefined> {
  const socket = await connectUnix(server)
  if (signal !== undefined) addAbortSignal(signal, socket)
  const reader = new SocketReader(socket)
  try {
    socket.write(localImage.encode({ name, snapshotId, openMode: O_RDONLY }))
    const payload = await reader.frame()
    if (payload === undefined)
      throw new RemoteError(
        'connection-lost',
        `reading ${snapshotId}:${name}: the server closed the connection without a reply`,
      )
    const error = localReply.decode(payload)
    if (error === 0)
      return { socket, bytes: (sink) => reader.rest(sink).finally(() => socket.destroy()) }
    if (error !== ENOENT)
      throw new RemoteError(
        'not-found',
        `reading ${snapshotId}:${name}: expected error 0 or 2 (ENOENT), got ${error}`,
      )
    socket.destroy()
    return undefined
  } catch (thrown) {
    socket.destroy()
    throw RemoteError.from(thrown, `reading ${snapshotId}:${name}`)
  }
}

/** A whole image, or undefined where the server says that there is none. */
export async function readImage(
  server: string,
  snapshotId: string,
  name: string,
): Promise<Buffer | undefined> {
  const reading = await openRead(server, snapshotId, name)
  if (reading === undefined) return undefined
  const pieces: Buffer[] = []
  await reading.bytes((piece) => pieces.push(piece))
  return Buffer.concat(pieces)
}

/** Opens an image for writing or appending: write to the socket; its end completes the image (L5, L6). */
export async function openWrite(
  server: string,
  snapshotId: string,
  name: string,
  kind: 'write' | 'append' = 'write',
): Promise<Socket> {
  const socket = await connectUnix(server)
  socket.resume()
  socket.write(
    localImage.encode({ name, snapshotId, openMode: kind === 'append' ? O_APPEND : O_WRONLY }),
  )
  return socket
}

/** Writes a whole image. Resolves when the server has taken every byte and closed. */
export async function writeImage(
  server: string,
  snapshotId: string,
  name: string,
  bytes: Uint8Array,
  kind: 'write' | 'append' = 'write',
): Promise<void> {
  const socket = await openWrite(server, snapshotId, name, kind)
  socket.write(bytes)
  await drained(socket)
  await endWrite(socket)
}

/** Ends an image and waits for the server to close as well, which tells that it read to the end. */
export async function endWrite(socket: Socket): Promise<void> {
  if (socket.destroyed)
    throw new RemoteError(
      'connection-lost',
      'writing an image: the server closed the connection before its end',
    )
  const closed = new Promise<void>((resolve, reject) => {
    socket.once('error', (error) => reject(RemoteError.from(error, 'writing an image')))
    socket.once('close', () => resolve())
  })
  socket.end()
  await closed
}

/** Appends a snapshot to the list: what every pre-dump and dump begins with (S2). */
export async function pushSnapshot(
  proxy: string,
  snapshotId: string,
  as: Dialect = dialect('auto'),
): Promise<void> {
  await writeImage(
    proxy,
    as.client.nullSnapshotId,
    SNAPSHOT_LIST,
    snapshotEntry.encode(snapshotId),
    'append',
  )
}

/** The list of snapshots, oldest first (S3); empty where the server has none. */
export async function pullSnapshots(
  server: string,
  as: Dialect = dialect('auto'),
): Promise<string[]> {
  const list = await readImage(server, as.client.nullSnapshotId, SNAPSHOT_LIST)
  return list === undefined ? [] : decodeSnapshots(list)
}

/** The entries of the list image. Throws RemoteError if it ends inside an entry. */
function decodeSnapshots(list: Buffer): string[] {
  const decoder = new FrameDecoder()
  const snapshots: string[] = []
  let frame = decoder.push(list)
  for (; frame !== undefined; frame = decoder.push(frame.rest))
    snapshots.push(snapshotEntry.decode(frame.payload))
  decoder.end()
  return snapshots
}

/** Tells the proxy that the dump is finished (E1). */
export async function finishDump(proxy: string, as: Dialect = dialect('auto')): Promise<void> {
  await endWrite(await openWrite(proxy, as.client.nullSnapshotId, as.client.dumpFinish))
}

/** Tells the cache that the restore is finished (E2). */
export async function finishRestore(cache: string, as: Dialect = dialect('auto')): Promise<void> {
  const socket = await connectUnix(cache)
  socket.write(
    localImage.encode({
      name: as.client.restoreFinish,
      snapshotId: as.client.nullSnapshotId,
      openMode: O_RDONLY,
    }),
  )
  socket.resume()
  await endWrite(socket)
}
