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
 * CRIU's side of the protocol: each function opens one connection to a proxy or cache and makes one
 * request. A write has no reply (L5). Only a later read, from the proxy or from the cache, proves
 * that the image arrived.
 */

/**
 * An image opened for reading: the server has replied that it exists, and sends its bytes until it
 * closes.
 */
export interface Reading {
  socket: Socket
  /** Passes the bytes to `sink` as they arrive. Resolves at the end of the image. */
  bytes(sink: (piece: Buffer) => void): Promise<void>
}

/**
 * Opens an image for reading. Waits as long as the server does. Returns undefined for ENOENT and
 * throws `not-found` for any other error of the reply.
 */
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
    const exists = decodeReply(await reader.frame(), `${snapshotId}:${name}`)
    if (exists)
      return { socket, bytes: (sink) => reader.rest(sink).finally(() => socket.destroy()) }
    socket.destroy()
    return undefined
  } catch (thrown) {
    socket.destroy()
    throw RemoteError.from(thrown, `reading ${snapshotId}:${name}`)
  }
}

/**
 * Returns whether a reply says that the image exists. Throws for no reply, and for an error other
 * than ENOENT.
 */
function decodeReply(payload: Buffer | undefined, image: string): boolean {
  if (payload === undefined)
    throw new RemoteError(
      'connection-lost',
      `reading ${image}: the server closed the connection without a reply`,
    )
  const error = localReply.decode(payload)
  if (error !== 0 && error !== ENOENT)
    throw new RemoteError(
      'not-found',
      `reading ${image}: expected error 0 or 2 (ENOENT), got ${error}`,
    )
  return error === 0
}

/** Reads a whole image. Returns undefined if the server replies that it does not exist. */
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

/**
 * Opens an image for writing or appending. The caller writes to the socket; its end completes the
 * image (L5, L6).
 */
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

/** Writes a whole image. Resolves when the server has read every byte and closed. */
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

/**
 * Ends an image and waits until the server closes as well, which shows that the server read to the
 * end.
 */
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

/** Appends a snapshot to the list of snapshots, as every pre-dump and dump does first (S2). */
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

/** Reads the list of snapshots, oldest first (S3). Returns an empty list if the server has none. */
export async function pullSnapshots(
  server: string,
  as: Dialect = dialect('auto'),
): Promise<string[]> {
  const list = await readImage(server, as.client.nullSnapshotId, SNAPSHOT_LIST)
  return list === undefined ? [] : decodeSnapshots(list)
}

/**
 * Returns the entries of the list of snapshots. Throws RemoteError if the list ends inside an
 * entry.
 */
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
