import { readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'

/*
 * Tests whether another process listens. The kernel gives no event for a new listener, so the test
 * is repeated, at growing intervals.
 */

/** Longest interval between two tests, in ms. */
const LONGEST = 50

/**
 * Calls `ask` until it returns a value other than undefined, and returns that value. Returns
 * undefined after the deadline. `deadline` is a time in ms from now, or a function that returns
 * true after the deadline.
 */
export async function askAgain<T>(
  ask: () => Promise<T | undefined>,
  deadline: number | (() => boolean),
): Promise<T | undefined> {
  const end = Date.now() + Number(deadline)
  const isOver = typeof deadline === 'number' ? () => Date.now() > end : deadline
  for (let interval = 2; ; interval = Math.min(interval * 2, LONGEST)) {
    const answer = await ask()
    if (answer !== undefined || isOver()) return answer
    await pause(interval)
  }
}

/**
 * Returns whether a process listens at a place. It connects to `unix:PATH`, and it looks up
 * `tcp:PORT` in `proc`, the /proc/PID of a process in the same network.
 */
export function isListening(place: string, proc = '/proc/self'): Promise<boolean> {
  if (place.startsWith('tcp:'))
    return Promise.resolve(tcpListens(Number(place.slice('tcp:'.length)), proc))
  return new Promise((resolve) => {
    const socket = connect(place.slice('unix:'.length), () => {
      socket.destroy()
      resolve(true)
    }).on('error', () => resolve(false))
  })
}

/**
 * Returns whether a process listens on a TCP port. It looks up the port and does not connect, since
 * a cache accepts only the first connection.
 */
export function tcpListens(port: number, proc = '/proc/self'): boolean {
  const hex = port.toString(16).toUpperCase().padStart(4, '0')
  const row = new RegExp(`:${hex} [0-9A-F]+:0000 0A `)
  return [`${proc}/net/tcp`, `${proc}/net/tcp6`].some((table) => row.test(readTable(table)))
}

function readTable(table: string): string {
  try {
    return readFileSync(table, 'utf8')
  } catch {
    return ''
  }
}
