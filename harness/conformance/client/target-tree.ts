import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as pause } from 'node:timers/promises'
import {
  MARK,
  ProcessTree,
  signalProcess,
  type TreeProcess,
  textOf,
} from '../../hosts/process-tree.ts'

/** Bytes of memory of the root: more than a socket holds, so that a client waits for its reader. */
const MEMORY = 1024 * 1024
/** Interval between two looks at processes, in ms. */
const POLL = 2

/** The target process and its children, which a client dumps. */
export class TargetTree {
  readonly pid: number
  readonly #tree: ProcessTree
  #before: readonly TreeProcess[] = []

  private constructor(pid: number) {
    this.pid = pid
    this.#tree = new ProcessTree(pid, 'none has this mark')
  }

  /**
   * Starts a process with so many children, in a session of its own and without open files of the
   * suite, and waits until all run. A host would kill the children at the end of the process.
   */
  static async start(children: number, mark: string): Promise<TargetTree> {
    const script = `memory=$(head -c ${MEMORY} /dev/zero | tr '\\0' x)
      for each in $(seq $1); do sleep 3600 & done; wait`
    const child = spawn('sh', ['-c', script, 'sh', `${children}`], {
      ...{ detached: true, stdio: 'ignore' },
      env: { ...process.env, [MARK]: mark },
    })
    await once(child, 'spawn')
    const target = new TargetTree(child.pid as number)
    await target.#untilReady(children)
    return target
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

  /** Number of its processes that are there, children without their parent included. */
  get living(): number {
    return this.pids.filter((pid) => /^\d+ \(.*\) [^ZX]/.test(textOf(`/proc/${pid}/stat`))).length
  }

  /** Kills its processes; those that a client restored are killed by their mark. */
  kill(): void {
    for (const pid of this.pids.length > 0 ? this.pids : [this.pid]) signalProcess(pid, 'SIGKILL')
  }

  /** Waits until all its processes run, and remembers them. */
  async #untilReady(children: number): Promise<void> {
    const isReady = () =>
      this.#living().filter(({ pid }) => textOf(`/proc/${pid}/comm`).startsWith('sleep')).length ===
      children
    while (!isReady()) await pause(POLL)
    this.#before = this.#living()
  }

  #living(): TreeProcess[] {
    const all = this.#tree.processes()
    return all.filter(({ state }) => state !== 'Z' && state !== 'X')
  }
}
