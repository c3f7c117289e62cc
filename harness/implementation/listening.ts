import { readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'

/* Whether another process listens: it gives no event for this, so it is asked again, at growing intervals. */

/** Longest interval between two questions, in ms. */
const LONGEST = 50

/** Asks until the answer is not undefined, or until the deadline, in ms from now or as a function that says whether it is over; then undefined. */
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

/** Whether somebody listens at `unix:PATH`, which is tried, or at `tcp:PORT`, which is looked up in a `/proc/PID` of its network. */
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

/** Whether somebody listens on that TCP port; looked up and not tried, since a cache takes only the first connection. */
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
