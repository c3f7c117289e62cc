import type { Socket } from 'node:net'

/*
 * The wait for sockets of a process that is stopped ends when it goes on, and libuv then runs the
 * timers before it looks at the sockets again. So a timer alone would call a client silent whose
 * bytes wait in the kernel. Here the end of the time only leads to a look: the connection is silent
 * if the poll of sockets after the timer brings nothing either. A partial write shows in no counter
 * of a socket, but Node's own timer knows it, so that one runs a second time.
 */

/** Time, in ms, of the second run of the timer. */
const LOOK = 1
/** Number of looks at a reader that finds each time that it took nothing, until it is reset. */
const STALL_LOOKS = 5

/**
 * Calls `silent` when a connection has neither taken nor sent a byte for `limit` ms. A later call
 * for the same connection replaces this one.
 */
export function onSilence(socket: Socket, limit: number, silent: () => void): void {
  let before = -1
  const look = () => {
    const now = socket.bytesRead + socket.bytesWritten
    if (now === before) return silent()
    before = now
    setImmediate(() => {
      if (socket.destroyed || !socket.listeners('timeout').includes(look)) return
      // Bytes that the poll has brought begin the time anew.
      const isSilent = socket.bytesRead + socket.bytesWritten === before
      if (!isSilent) before = -1
      socket.setTimeout(isSilent ? LOOK : limit)
    })
  }
  socket.removeAllListeners('timeout').on('timeout', look).setTimeout(limit)
}

/**
 * Calls `stalled` when a reader takes nothing for `limit` ms. `untaken` measures the bytes that
 * wait for it in the kernel: the socket takes more only when the reader has taken most of them.
 */
export function onStall(
  socket: Socket,
  limit: number,
  untaken: () => number,
  stalled: () => void,
): void {
  const state = () => `${socket.bytesWritten} ${unsent(socket)} ${untaken()}`
  let before = state()
  let looks = 0
  const look = () => {
    if (socket.destroyed) return
    const now = state()
    looks = now === before ? looks + 1 : 0
    before = now
    if (looks === STALL_LOOKS) stalled()
  }
  // After the poll of sockets, which sends to a reader that took bytes while the process stopped.
  const timer = setInterval(() => setImmediate(look), limit / STALL_LOOKS)
  socket.once('close', () => clearInterval(timer))
}

/** Returns the bytes that Node has taken for a connection and the kernel has not. */
function unsent(socket: Socket): number {
  const { _handle: handle } = socket as unknown as { _handle?: { writeQueueSize: number } | null }
  return handle?.writeQueueSize ?? 0
}

/** Ends the watch for silence of a connection. */
export function ignoreSilence(socket: Socket): void {
  socket.removeAllListeners('timeout').setTimeout(0)
}
