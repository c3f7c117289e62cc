import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'

/*
 * The processes of one daemon on this machine, however it is built: the process that the suite
 * started, its descendants, and helpers that lost their parent.
 *
 * A descendant is found by its parents. A helper whose parent has ended belongs to another parent,
 * so it is found by a mark in its environment, which children inherit. A helper that clears its
 * environment and loses its parent is not found. The rejected alternative, a control group for each
 * daemon, needs root.
 *
 * A stop is SIGSTOP to every process. The tree is looked up again until no new process is in it: a
 * process can fork between the look and the signal. The same holds of a kill.
 */

/** The environment variable that marks the processes of a daemon. */
export const MARK = 'CRIU_REMOTE_DAEMON'

/** Interval between two looks at processes that are not stopped yet, in ms. */
const POLL = 1
/** Looks at processes that are not stopped yet: one in an uninterruptible wait stops later. */
const LOOKS = 200

/** The flag of a listening socket in /proc/net/unix. */
const LISTENS = '00010000'

/** A process as /proc/PID/stat shows it. */
export interface TreeProcess {
  pid: number
  parent: number
  /** The letter of the kernel: R, S, D, T, Z ... */
  state: string
}

export class ProcessTree {
  readonly #mark: string
  /** The pid of the process that the suite started; 0 after its end. */
  #leader: number

  /** @param mark the value of MARK in the environment of the daemon. */
  constructor(leader: number, mark: string) {
    this.#leader = leader
    this.#mark = mark
  }

  /** Notes that the process which the suite started has ended. */
  leaderEnded(): void {
    this.#leader = 0
  }

  /** Returns the processes that exist now, zombies included. The order is that of the pids. */
  processes(): TreeProcess[] {
    const all = allProcesses()
    const members = new Set<number>()
    const isMember = ({ pid, parent }: TreeProcess) =>
      pid === this.#leader || members.has(parent) || this.#isMarked(pid)
    for (let before = -1; before < members.size; ) {
      before = members.size
      for (const each of all) if (isMember(each)) members.add(each.pid)
    }
    return all.filter(({ pid }) => members.has(pid))
  }

  /** Stops every process. Returns whether all have stopped. */
  async stop(): Promise<boolean> {
    for (let look = 0; look < LOOKS; look++) {
      const running = this.processes().filter(({ state }) => !'TtZX'.includes(state))
      if (running.length === 0) return true
      for (const { pid } of running) signalProcess(pid, 'SIGSTOP')
      await pause(POLL)
    }
    return false
  }

  /** Lets every process run on. */
  go(): void {
    for (const { pid } of this.processes()) signalProcess(pid, 'SIGCONT')
  }

  /** Kills every process. Returns when none is left but zombies, or after LOOKS looks. */
  async kill(): Promise<void> {
    for (let look = 0; look < LOOKS; look++) {
      const alive = this.processes().filter(({ state }) => !'ZX'.includes(state))
      if (alive.length === 0) return
      for (const { pid } of alive) signalProcess(pid, 'SIGKILL')
      await pause(POLL)
    }
  }

  /** Returns whether a process of the tree has the UNIX socket open that listens at the path. */
  listensAt(path: string): boolean {
    const inodes = listeners(path)
    const holds = (link: string) => inodes.some((inode) => link === `socket:[${inode}]`)
    return this.processes().some(({ pid }) => descriptorsOf(pid).some(holds))
  }

  #isMarked(pid: number): boolean {
    return textOf(`/proc/${pid}/environ`).includes(`${MARK}=${this.#mark}\0`)
  }
}

/** Returns the targets of the open descriptors of a process; none if it is gone. */
export function descriptorsOf(pid: number): string[] {
  const directory = `/proc/${pid}/fd`
  return namesIn(directory).flatMap((name) => {
    try {
      return [readlinkSync(`${directory}/${name}`)]
    } catch {
      return []
    }
  })
}

/** Returns the text of a file in latin1; empty if it cannot be read. */
export function textOf(file: string): string {
  try {
    return readFileSync(file, 'latin1')
  } catch {
    return ''
  }
}

function allProcesses(): TreeProcess[] {
  return namesIn('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      // The name is in parentheses and may hold any character; the state and parent follow it.
      const [, state, parent] = /^.*\) (\S) (\d+)/s.exec(textOf(`/proc/${name}/stat`)) ?? []
      return state === undefined ? [] : [{ pid: Number(name), parent: Number(parent), state }]
    })
}

/** Returns the inodes of the sockets that listen at the path. */
function listeners(path: string): string[] {
  return textOf('/proc/net/unix')
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter(([, , , flags, , , , ...name]) => flags === LISTENS && isPath(name.join(' '), path))
    .map(([, , , , , , inode = '']) => inode)
}

/** Returns whether a bound name, relative to a working directory perhaps, is that of the path. */
const isPath = (name: string, path: string) => name === path || path.endsWith(`/${name}`)

/** Returns the names in a directory; none if it cannot be read. */
export function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory)
  } catch {
    return []
  }
}

/** Stops a process, lets it run on or kills it; does nothing if it has ended. */
export function signalProcess(pid: number, name: 'SIGSTOP' | 'SIGCONT' | 'SIGKILL'): void {
  try {
    process.kill(pid, name)
  } catch {
    // The process has ended.
  }
}
