import { rmSync } from 'node:fs'
import { type EndingSignal, endingSignals } from '../ending-signals.ts'

/** A process that is dying may still add a file, so the removal is repeated. */
const REMOVE = { recursive: true, force: true, maxRetries: 3 }

/** All leftovers that are to be removed. They share the listeners of this process. */
const live = new Set<Leftovers>()

const removeLive = () => {
  for (const each of live) each.removeAll()
}

/** Removes everything and ends the process, if nothing else listens to the signal. */
const end = (signal: EndingSignal) => {
  if (process.listenerCount(signal) > 1) return
  removeLive()
  process.kill(process.pid, signal)
}

/**
 * The process groups and directories that must not outlive this process. They are removed when it
 * exits for any reason but SIGKILL: by an error that no code caught, or by a signal that only this
 * module listens to.
 */
export class Leftovers {
  readonly #groups = new Set<number>()
  readonly #directories = new Set<string>()

  constructor() {
    if (live.size === 0) {
      process.on('exit', removeLive)
      for (const signal of endingSignals) process.on(signal, end)
    }
    live.add(this)
  }

  addGroup(leader: number): void {
    this.#groups.add(leader)
  }

  addDirectory(directory: string): void {
    this.#directories.add(directory)
  }

  /** Kills every process of a group, also after its leader has ended. */
  killGroup(leader: number): void {
    this.#groups.delete(leader)
    signalGroup(leader, 'SIGKILL')
  }

  /** Kills all groups and removes all directories. */
  removeAll(): void {
    live.delete(this)
    if (live.size === 0) {
      process.off('exit', removeLive)
      for (const signal of endingSignals) process.off(signal, end)
    }
    for (const leader of this.#groups) this.killGroup(leader)
    for (const directory of this.#directories) rmSync(directory, REMOVE)
    this.#directories.clear()
  }
}

/** Sends a signal to every process of a group; does nothing if it has none. */
export function signalGroup(leader: number, signal: 'SIGTERM' | 'SIGKILL'): void {
  try {
    process.kill(-leader, signal)
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code !== 'ESRCH') throw thrown
  }
}
