import { readSync, writeSync } from 'node:fs'
import {
  type Answer,
  type Connection,
  type DaemonContext,
  demand,
  localImage,
  O_RDONLY,
} from '../../harness/conformance/index.ts'

/*
 * The pieces in which an answer comes. CRIU reads the length of a reply or of a record of the list
 * with one read(), and its body with another, and takes fewer bytes as an error (L11). The kernel
 * glues pieces that wait together, so a cut is seen only by a reader that looks between the two
 * writes of the daemon. An event loop wakes up too late for that. So a case here reads in a loop
 * that never sleeps, and many times. A cut is found by chance even so: a daemon in C that writes a
 * reply in two pieces shows it in one of 250 reads on a machine with two processors.
 */

/** Largest number of reads, one after the other. */
const ROUNDS = 3_000

/** Time, in ms, after which no further read begins. */
const LONG_ENOUGH = 600

/** Time, in ms, of a loop that never sleeps; the event loop reads the rest of a late answer. */
const LOOP = 3

/** Reads an image many times. Demands that no piece ends inside a length or a body (L11). */
export async function repliesUncut(
  daemon: DaemonContext,
  image: readonly [snapshotId: string, name: string],
  { what, isList = false }: { what: string; isList?: boolean },
): Promise<Answer> {
  const end = performance.now() + LONG_ENOUGH
  for (let round = 0; round < ROUNDS && performance.now() < end; round++)
    await readUncut(daemon, image, what, isList)
  return daemon.read(...image)
}

async function readUncut(
  daemon: DaemonContext,
  [snapshotId, name]: readonly [string, string],
  what: string,
  isList: boolean,
): Promise<void> {
  const client = await daemon.connect()
  const pieces: Buffer[] = []
  client.socket.on('data', (piece) => pieces.push(piece as Buffer))
  const request = localImage.encode({ snapshotId, name, openMode: O_RDONLY })
  const descriptor = descriptorOf(client)
  if (descriptor === undefined) await client.send(request, `read ${name}`)
  else readInLoop(descriptor, request, pieces)
  const answered = { outcome: 'a reply and a close', clause: 'L3' }
  await daemon.waitFor(what, answered, client.untilEnd(), () => `${pieces.length} pieces`)
  client.socket.destroy()
  const ends = new Set<number>()
  pieces.reduce((size, piece) => {
    ends.add(size + piece.length)
    return size + piece.length
  }, 0)
  const cut = firstCut(Buffer.concat(pieces), ends, isList)
  const permitted = {
    outcome: 'each length in one piece, and each body in one piece',
    clause: 'L11',
  }
  demand(cut === undefined, what, permitted, `a piece that ended at byte ${cut}, inside a frame`)
}

/** Returns the file descriptor of a socket of Node, which has no public name for it. */
function descriptorOf({ socket }: Connection): number | undefined {
  const { fd = -1 } = (socket as { _handle?: { fd?: number } })._handle ?? {}
  return fd < 0 ? undefined : fd
}

/** Sends a request, and reads its answer until the end of the stream or of the time. */
function readInLoop(descriptor: number, request: Buffer, pieces: Buffer[]): void {
  const before = Error.stackTraceLimit
  // A read without bytes throws; an error without a stack is made in a microsecond.
  Error.stackTraceLimit = 0
  const buffer = Buffer.alloc(65_536)
  const end = performance.now() + LOOP
  try {
    writeSync(descriptor, request)
    while (performance.now() < end) {
      const size = readWaiting(descriptor, buffer)
      if (size === 0) return
      if (size > 0) pieces.push(Buffer.from(buffer.subarray(0, size)))
    }
  } catch {
    // The connection is gone, which its end tells.
  } finally {
    Error.stackTraceLimit = before
  }
}

/** Returns the number of bytes read; 0 at the end, and -1 if none wait. */
function readWaiting(descriptor: number, buffer: Buffer): number {
  try {
    return readSync(descriptor, buffer)
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === 'EAGAIN') return -1
    throw thrown
  }
}

/** Returns the first cut that lies inside the length or the body of a frame. */
function firstCut(
  received: Buffer,
  cuts: ReadonlySet<number>,
  isList: boolean,
): number | undefined {
  for (let start = 0; start + 4 <= received.length; ) {
    const body = start + 4
    const end = body + received.readUInt32LE(start)
    const found = [...cuts].find((at) => at > start && at < end && at !== body)
    if (found !== undefined || !isList) return found
    start = end
  }
  return undefined
}
