import {
  type Answer,
  type DaemonContext,
  demand,
  localImage,
  O_RDONLY,
} from '../../harness/conformance/index.ts'

/*
 * The pieces in which an answer comes. CRIU reads the length of a reply or of a record of the list
 * with one read(), and its body with another, and takes fewer bytes as an error (L11). A piece here
 * is what one read() of the harness returns, so a cut is seen if the reader is fast enough: cases
 * read many times.
 */

/** Number of reads, one after the other. */
const ROUNDS = 200

/** Time, in ms, after which no further read begins: a daemon may reply late. */
const LONG_ENOUGH = 2_000

/** Reads an image many times. Demands that no piece ends inside a length or a body (L11). */
export async function repliesUncut(
  daemon: DaemonContext,
  image: readonly [snapshotId: string, name: string],
  { what, isList = false }: { what: string; isList?: boolean },
): Promise<Answer> {
  const end = performance.now() + LONG_ENOUGH
  let answer = await readUncut(daemon, image, what, isList)
  for (let round = 1; round < ROUNDS && performance.now() < end; round++)
    answer = await readUncut(daemon, image, what, isList)
  return answer
}

async function readUncut(
  daemon: DaemonContext,
  [snapshotId, name]: readonly [string, string],
  what: string,
  isList: boolean,
): Promise<Answer> {
  const client = await daemon.connect()
  const cuts = new Set<number>()
  let size = 0
  client.socket.on('data', (piece) => {
    size += piece.length
    cuts.add(size)
  })
  await client.send(localImage.encode({ snapshotId, name, openMode: O_RDONLY }), `read ${name}`)
  const answer = await daemon.answer(client, what)
  const cut = firstCut(client.received, cuts, isList)
  const permitted = {
    outcome: 'each length in one piece, and each body in one piece',
    clause: 'L11',
  }
  demand(cut === undefined, what, permitted, `a piece that ended at byte ${cut}, inside a frame`)
  return answer
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
