import type { Socket } from 'node:net'

/*
 * A reader that waits may leave. Its end of stream does not tell: a reader may close its own
 * direction only and still read (L3). A write of no bytes tells, as it fails once the reader has
 * closed both directions, and sends nothing otherwise. The kernel has no event for the close of the
 * other direction that Node would pass on, so the write is repeated.
 */

/** Interval between two tests of a reader that has closed its own direction, in ms. */
const INTERVAL = 1_000

const NOTHING = Buffer.alloc(0)

/** Resolves when a connection is closed, also by a client that nothing is sent to. */
export function untilLeft(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    let timer: NodeJS.Timeout | undefined
    const test = () => socket.write(NOTHING)
    const begin = () => {
      test()
      timer = setInterval(test, INTERVAL)
    }
    socket.once('close', () => {
      clearInterval(timer)
      resolve()
    })
    if (socket.readableEnded) begin()
    else socket.once('end', begin)
  })
}
