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

/** Ends the watch for silence of a connection. */
export function ignoreSilence(socket: Socket): void {
  socket.removeAllListeners('timeout').setTimeout(0)
}
