import {
  type Connection,
  type DaemonContext,
  expectVersion,
} from '../../harness/conformance/index.ts'
import { FITS } from './stops.ts'

/* Clients that read an image in part: they pause after the reply and read on, or leave. */

/** Bytes of a version that no buffer holds, so that its reader is in the middle of it. */
export const VERSION = 3_000_000
/** Bytes of an append to it. */
export const GROWTH = 50_000
/** How long readers take nothing after the finish, in ms: a hasty daemon has cut them by then. */
export const TAKES_NOTHING = 300
/** Sizes of images from empty to more than any buffer. */
export const sizes = [0, 1, FITS, 300_000, VERSION]

/** A paused reader, and the version that it has the reply for. */
export interface Reading {
  reader: Connection
  version: Buffer
}

/** Waits for the reply to a read, and lets its client take no further byte. */
export async function paused(side: DaemonContext, reader: Connection): Promise<Connection> {
  await side.waitFor('the reply to a read', { outcome: 'error 0', clause: 'L3' }, reader.reply())
  reader.socket.pause()
  return reader
}

/** Opens a read, waits for its reply, and takes no further byte until the socket is resumed. */
export const pausedReader = async (side: DaemonContext, name: string): Promise<Connection> =>
  paused(side, await side.openRead('1', name))

/** Lets readers read on, and demands their versions or resets (L7). */
export async function keepVersions(
  side: DaemonContext,
  readings: readonly Reading[],
  before: string,
): Promise<void> {
  for (const { reader, version } of readings) {
    reader.socket.resume()
    const what = `a read that had its reply before ${before}`
    expectVersion(await side.answer(reader, what), version, what)
  }
}

/** Breaks off a connection as soon as it is open. */
export async function leave(connecting: Promise<Connection>): Promise<void> {
  const client = await connecting
  client.socket.destroy()
}

/** Connects, sends some bytes and breaks off. */
export async function leaveAfter(side: DaemonContext, bytes: Buffer): Promise<void> {
  const client = await side.connect()
  await client.send(bytes)
  client.socket.destroy()
}
