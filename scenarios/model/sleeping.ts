import { setTimeout as pause } from 'node:timers/promises'
import type { DaemonContext } from '../../harness/conformance/index.ts'

/*
 * A daemon with a process for each connection may run these processes in any order: a busy machine
 * lets one of them wait while the others go on. Here the suite stops only the processes that began
 * with a connection, until the rest of the daemon has had time to go wrong. A daemon of another
 * architecture has no such process, and the case goes on without a pause.
 */

/** The longest time that a process sleeps, in ms: a daemon answers within it on a busy machine. */
const SLEEP = 300

/** The interval between two looks at a process that is not stopped yet, in ms. */
const POLL = 1

/** Processes that are stopped. */
export interface Sleepers {
  /** Waits for an event that only a faulty daemon lets happen now, or until the sleep is over. */
  until(event: Promise<unknown>): Promise<void>
  /** Lets the processes run on. */
  wake(): void
}

/**
 * Opens connections and stops the processes that begin with them. Returns the result of `open`, and
 * the processes, which the caller has to wake.
 */
export async function asleep<T>(
  side: DaemonContext,
  open: () => Promise<T>,
): Promise<{ opened: T; sleepers: Sleepers }> {
  const before = new Set(pidsOf(side))
  const opened = await open()
  // A daemon accepts in order: the process of an answered client began after those of `open`.
  await side.read('sleep', 'missing.img')
  const own = pidsOf(side).filter((pid) => !before.has(pid))
  for (const pid of own) signal(pid, 'SIGSTOP')
  while (side.daemon.tree.processes().some(({ pid, state }) => own.includes(pid) && isAwake(state)))
    await pause(POLL)
  const sleepers = {
    async until(event: Promise<unknown>) {
      if (own.length === 0) return
      const timer = new AbortController()
      const over = pause(SLEEP, undefined, { signal: timer.signal }).catch(() => {})
      await Promise.race([event.catch(() => {}), over])
      timer.abort()
    },
    wake() {
      for (const pid of own) signal(pid, 'SIGCONT')
    },
  }
  return { opened, sleepers }
}

const isAwake = (state: string) => !'TtZX'.includes(state)

function pidsOf({ daemon }: DaemonContext): number[] {
  if (!daemon.canBeStopped) return []
  return daemon.tree.processes().map(({ pid }) => pid)
}

function signal(pid: number, name: 'SIGSTOP' | 'SIGCONT'): void {
  try {
    process.kill(pid, name)
  } catch {
    // The process has ended.
  }
}
