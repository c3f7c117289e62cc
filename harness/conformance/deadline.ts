import { readdirSync, readFileSync } from 'node:fs'

/*
 * A verdict must not depend on other work of the machine. A daemon that waits in the kernel's queue
 * for a processor is not late, and neither is one whose answer the harness itself reads too late.
 * So two times do not count: the time that the daemons' threads waited for a processor, as the
 * kernel counts it, and the time by which this process's own timer was late. A daemon that hangs
 * waits for no processor, so it is judged in time. PATIENCE bounds the deadline in any case: after
 * that the machine is too slow to tell whether the daemon hangs. So it is if this process's own
 * timers were late for as long as the deadline, since then its other observations are late as well.
 * The rejected alternative, a longer deadline for all, would be waited out for each implementation
 * that hangs.
 */

/** Interval between two looks at the clock, in ms. */
const TICK = 200
/** How many times longer a deadline may become on a busy machine. */
const PATIENCE = 6

/** Whether the daemon was late, or the machine too slow to tell. */
export type Lateness = 'late' | 'slow machine'

/**
 * Calls `late` after `milliseconds` in which the processes did not lack a processor, or after
 * PATIENCE times as long. Returns a function that cancels the deadline.
 */
export function startDeadline(
  milliseconds: number,
  processes: () => readonly number[],
  late: (lateness: Lateness) => void,
): () => void {
  const end = performance.now() + milliseconds * PATIENCE
  let counted = 0
  let ownLateness = 0
  let last = performance.now()
  let queued = queuedOf(processes())
  const timer = setInterval(() => {
    const now = performance.now()
    const queuedNow = queuedOf(processes())
    const passed = now - last
    ownLateness += Math.max(0, passed - TICK)
    counted += Math.max(0, Math.min(passed, TICK) - Math.max(0, queuedNow - queued))
    last = now
    queued = queuedNow
    if (counted < milliseconds && now < end) return
    clearInterval(timer)
    late(counted < milliseconds || ownLateness > milliseconds ? 'slow machine' : 'late')
  }, TICK)
  return () => clearInterval(timer)
}

/**
 * Returns how long all threads of the processes have waited for a processor, in ms; 0 where the
 * kernel does not count it.
 */
function queuedOf(processes: readonly number[]): number {
  return processes.flatMap(threadsOf).reduce((sum, file) => sum + queuedIn(file), 0)
}

function threadsOf(process: number): string[] {
  try {
    return readdirSync(`/proc/${process}/task`).map(
      (thread) => `/proc/${process}/task/${thread}/schedstat`,
    )
  } catch {
    return []
  }
}

/** Returns the waiting time in a schedstat file, in ms: its second number, in nanoseconds. */
function queuedIn(file: string): number {
  try {
    return Number(readFileSync(file, 'latin1').split(' ')[1]) / 1e6
  } catch {
    return 0
  }
}
