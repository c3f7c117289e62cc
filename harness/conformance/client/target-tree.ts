import { type ChildProcess, spawn } from 'node:child_process'
import { setTimeout as pause } from 'node:timers/promises'
import { MARK, ProcessTree, type TreeProcess, textOf } from '../../hosts/process-tree.ts'

/** Interval between two looks at processes, in ms. */
const POLL = 2

/** The target process and its children, which a client dumps. */
export class TargetTree {
  readonly pid: number
  readonly #child: ChildProcess
  readonly #tree: ProcessTree
  #before: readonly TreeProcess[] = []

  /** Starts a process in a session of its own, with so many children. */
  constructor(children: number, mark: string) {
    const script = `for each in $(seq ${children}); do sleep 3600 & done; wait`
    this.#child = spawn('sh', ['-c', script], {
      detached: true,
      stdio: 'ignore',
      env: { PATH: process.env['PATH'], [MARK]: mark },
    })
    this.#child.on('error', () => {})
    this.pid = this.#child.pid ?? 0
    this.#tree = new ProcessTree(this.pid, 'none has this mark')
  }

  /** Waits until all its processes run, and remembers them. */
  async untilReady(children: number): Promise<void> {
    const isReady = () =>
      this.#living().filter(({ pid }) => textOf(`/proc/${pid}/comm`).startsWith('sleep')).length ===
      children
    while (!isReady()) await pause(POLL)
    this.#before = this.#living()
  }

  /** The pids of its processes, the root first. */
  get pids(): number[] {
    return this.#before.map(({ pid }) => pid)
  }

  /** Ends one of its children, as a process that exits between two dumps. */
  async endChild(): Promise<number> {
    const { pid } = this.#before.at(-1) as TreeProcess
    process.kill(pid, 'SIGKILL')
    while (this.#living().some((each) => each.pid === pid)) await pause(POLL)
    this.#before = this.#living()
    return pid
  }

  /** Tells in words how the tree is other than it was; an empty text if it lives on unharmed. */
  harm(): string {
    const now = new Map(this.#living().map((each) => [each.pid, each]))
    const gone = this.#before.filter(({ pid }) => !now.has(pid))
    if (gone.length > 0) return `${gone.length} of its ${this.#before.length} processes are gone`
    const stopped = [...now.values()].filter(({ state }) => 'Tt'.includes(state))
    if (stopped.length > 0) return `${stopped.length} of its processes are stopped`
    return ''
  }

  /** Number of its processes that are there. */
  get living(): number {
    const pids = new Set(this.pids)
    return this.#living().filter(({ pid }) => pids.has(pid)).length
  }

  /** Kills its processes; those that a client restored are killed by their mark. */
  kill(): void {
    for (const pid of this.pids.length > 0 ? this.pids : [this.pid]) {
      try {
        process.kill(pid, 'SIGKILL')
      } catch {}
    }
  }

  #living(): TreeProcess[] {
    const all = this.#tree.processes()
    return all.filter(({ state }) => state !== 'Z' && state !== 'X')
  }
}
