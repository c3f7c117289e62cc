import { setTimeout as pause } from 'node:timers/promises'
import { type DaemonContext, signalProcess } from '../../harness/conformance/index.ts'

/*
 * A daemon with a process for each connection may run these processes in any order: a busy machine
 * lets one of them wait while the others go on. Here the suite stops only the processes that began
 * with a connection, or all others, until the rest of the daemon has had time to go wrong. A daemon
 * of another architecture has no such process, and the case goes on without a pause.
 */

/** The longest time that a process sleeps, in ms: a daemon answers within it on a busy machine. */
const SLEEP = 600

/** The longest stop, in ms, should the case fail before it wakes the processes. */
const LONGEST_STOP = 2_000

/** The interval between two looks at a process, in ms. */
const POLL = 2

/** The longest wait for processes that have work to do, in ms: shorter than the longest stop. */
const WORK = 1_500

/** Looks in a row that find a process waiting before it counts as one with nothing to do. */
const IDLE_LOOKS = 15

/**
 * Opens connections. Returns the result of `open`, and the processes of the daemon that began with
 * the connections.
 */
export async function withProcesses<T>(
  side: DaemonContext,
  open: () => Promise<T>,
): Promise<{ opened: T; own: OwnProcesses }> {
  const before = new Set(pidsOf(side))
  const opened = await open()
  // A daemon accepts in order: the process of an answered client began after those of `open`.
  await side.read('sleep', 'missing.img')
  const pids = pidsOf(side).filter((pid) => !before.has(pid))
  return { opened, own: new OwnProcesses(side, pids) }
}

/** The processes of some connections; none if the daemon works without. */
export class OwnProcesses {
  readonly #side: DaemonContext
  readonly #pids: readonly number[]

  constructor(side: DaemonContext, pids: readonly number[]) {
    this.#side = side
    this.#pids = pids
  }

  /** Stops the processes, and resolves when all have stopped. */
  async sleep(): Promise<void> {
    for (const pid of this.#pids) signalProcess(pid, 'SIGSTOP')
    setTimeout(() => this.wake(), LONGEST_STOP).unref()
    while (this.#states().some((state) => !'TtZX'.includes(state))) await pause(POLL)
  }

  wake(): void {
    for (const pid of this.#pids) signalProcess(pid, 'SIGCONT')
  }

  /** Stops every process of the daemon but these. */
  async sleepOthers(): Promise<void> {
    if (this.#pids.length === 0) return
    await this.#side.daemon.tree.stop()
    setTimeout(() => this.wakeOthers(), LONGEST_STOP).unref()
    this.wake()
  }

  wakeOthers(): void {
    for (const pid of pidsOf(this.#side))
      if (!this.#pids.includes(pid)) signalProcess(pid, 'SIGCONT')
  }

  /** Waits until the processes have ended or wait for something, for WORK at most. */
  async untilIdle(): Promise<void> {
    const end = performance.now() + WORK
    for (let looks = 0; looks < IDLE_LOOKS && performance.now() < end; looks++) {
      const states = this.#states()
      if (states.every((state) => 'ZX'.includes(state))) return
      if (states.some((state) => !'SZX'.includes(state))) looks = 0
      await pause(POLL)
    }
  }

  /** Waits for an event that a sound daemon may hold back now, for SLEEP at most. */
  async until(event: Promise<unknown>): Promise<void> {
    if (this.#pids.length === 0) return
    const timer = new AbortController()
    const over = pause(SLEEP, undefined, { signal: timer.signal }).catch(() => {})
    await Promise.race([event.catch(() => {}), over])
    timer.abort()
  }

  #states(): string[] {
    const { tree } = this.#side.daemon
    const own = tree.processes().filter(({ pid }) => this.#pids.includes(pid))
    return own.map(({ state }) => state)
  }
}

function pidsOf({ daemon }: DaemonContext): number[] {
  if (!daemon.canBeStopped) return []
  return daemon.tree.processes().map(({ pid }) => pid)
}
