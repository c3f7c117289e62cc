import { readdirSync, readFileSync } from 'node:fs'

/*
 * The one deadline of a case.
 *
 * A verdict must not depend on what else a machine does. A daemon that waits in the kernel's queue for a processor is not late, nor
 * is it late when the harness itself came too late to hear it. So that time does not count: what the kernel counts as waited by the
 * daemons' threads, and what this process's own clock was late. A daemon that hangs waits for no processor and is judged in time.
 * PATIENCE bounds it all the same. The alternative, a longer deadline for everybody, is paid at each implementation that hangs.
 */

/** Milliseconds between two looks at the clock. */
const TICK = 200
/** How many times longer a deadline may become on a machine that is busy. */
const PATIENCE = 6

/** Calls `late` once `milliseconds` have passed in which the processes had what they need to run; the way to take it back. */
export function startDeadline(
  milliseconds: number,
  processes: () => readonly number[],
  late: () => void,
): () => void {
  const end = performance.now() + milliseconds * PATIENCE
  let counted = 0
  let last = performance.now()
  let queued = queuedOf(processes())
  const timer = setInterval(() => {
    const now = performance.now()
    const queuedNow = queuedOf(processes())
    const passed = now - last
    counted += Math.max(0, Math.min(passed, TICK) - Math.max(0, queuedNow - queued))
    last = now
    queued = queuedNow
    if (counted < milliseconds && now < end) return
    clearInterval(timer)
    late()
  }, TICK)
  return () => clearInterval(timer)
}

/** Milliseconds that all threads of the processes have waited for a processor; none where the kernel does not count them. */
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

/** The second number is in nanoseconds. */
function queuedIn(file: string): number {
  try {
    return Number(readFileSync(file, 'latin1').split(' ')[1]) / 1e6
  } catch {
    return 0
  }
}
