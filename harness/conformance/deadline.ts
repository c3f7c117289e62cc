import { namesIn, textOf } from '../hosts/process-tree.ts'

/*
 * A verdict must not depend on other work of the machine. A daemon that waits in the kernel's queue
 * for a processor is not late, and neither is one whose answer the harness itself reads too late.
 * So two times do not count: the time that the threads of the daemons and of their children waited
 * for a processor, as the kernel counts it, and the time by which this process's own timer was
 * late. The kernel counts a wait only when it ends, so a thread that is ready and did not run since
 * the last look has waited as well. A daemon that hangs waits for no processor, so it is judged in
 * time. PATIENCE bounds the deadline in any case. Time in which the suite itself stops the daemons
 * counts for neither.
 *
 * The machine is too slow to tell whether a daemon hangs if the bound comes before the daemons have
 * run for as long as the deadline, or if this process's own timers were late for half of the time:
 * its other observations are late as well then. The rejected alternative, a longer deadline for
 * all, would be waited out for each implementation that hangs.
 */

/** Interval between two looks at the clock, in ms. */
const TICK = 200
/** How many times longer a deadline may become on a busy machine. */
const PATIENCE = 6

/** Whether the daemon was late, or the machine too slow to tell. */
export type Lateness = 'late' | 'slow machine'

/**
 * Calls `late` after `milliseconds` in which the processes did not lack a processor, or after
 * PATIENCE times as long. `stood` returns the time in which the suite stopped the processes so far,
 * in ms. Returns a function that cancels the deadline.
 */
export function startDeadline(
  milliseconds: number,
  processes: () => readonly number[],
  late: (lateness: Lateness) => void,
  stood = () => 0,
): () => void {
  const begin = performance.now()
  const total = { counted: 0, ran: 0, ownLateness: 0 }
  let last = begin
  let before = timesOf(processes())
  const stoodFirst = stood()
  let stoodBefore = stoodFirst
  const timer = setInterval(() => {
    const now = performance.now()
    const after = timesOf(processes())
    const passed = now - last
    total.ownLateness += Math.max(0, passed - TICK)
    const waited = waitBetween(before, after, passed) + stood() - stoodBefore
    total.counted += Math.max(0, Math.min(passed, TICK) - waited)
    total.ran += Math.max(0, after.ran - before.ran)
    last = now
    before = after
    stoodBefore = stood()
    const elapsed = now - begin - (stoodBefore - stoodFirst)
    if (total.counted < milliseconds && elapsed < milliseconds * PATIENCE) return
    clearInterval(timer)
    const isLate = Math.max(total.counted, total.ran) >= milliseconds
    late(isLate && total.ownLateness * 2 < now - begin ? 'late' : 'slow machine')
  }, TICK)
  return () => clearInterval(timer)
}

/** Times of processes so far, in ms; 0 where the kernel does not count them. */
interface Times {
  /** Time in which they ran. */
  ran: number
  /** Time in which they waited for a processor. */
  queued: number
  /** Whether a thread runs, or waits for a processor. */
  ready: boolean
}

/** Returns how long processes waited for a processor between two looks. */
function waitBetween(before: Times, after: Times, passed: number): number {
  if (after.ready && after.ran === before.ran) return passed
  return Math.max(0, after.queued - before.queued)
}

/** Returns the times of all threads of the processes and of their children. */
function timesOf(processes: readonly number[]): Times {
  const times = { ran: 0, queued: 0, ready: false }
  for (const thread of processes.flatMap(threadsOf)) {
    // The file has both times in nanoseconds.
    const [ran = 0, queued = 0] = textOf(`${thread}/schedstat`).split(' ').map(Number)
    times.ran += ran / 1e6
    times.queued += queued / 1e6
    // The state comes after the name, which is in parentheses and may hold any character.
    times.ready ||= /\) R /.test(textOf(`${thread}/stat`))
  }
  return times
}

/** Returns the directories of the threads of a process and of its children, down to the last. */
function threadsOf(process: number): string[] {
  const own = threadsOfOne(process)
  return [...own, ...own.flatMap(childrenOf).flatMap(threadsOf)]
}

const threadsOfOne = (process: number): string[] =>
  namesIn(`/proc/${process}/task`).map((thread) => `/proc/${process}/task/${thread}`)

/** Returns the pids of the children of a thread. */
function childrenOf(thread: string): number[] {
  const pids = textOf(`${thread}/children`).split(' ').filter(Boolean)
  return pids.map(Number)
}
