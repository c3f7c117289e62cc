/** Begins a command line whose process first prints its pid, as the line of its own, and then becomes the command. */
export const ANNOUNCE = ['sh', '-c', 'echo $$; exec "$@"', 'sh'] as const

/** Takes the lines of such a process: the first is its pid, the rest goes on. */
export class Announced {
  readonly #pid = Promise.withResolvers<number>()
  #first = true

  /** The process's pid as it sees it; 0 if it ended before it could say. */
  get pid(): Promise<number> {
    return this.#pid.promise
  }

  take(line: string, onLine?: (line: string) => void): void {
    if (!this.#first) onLine?.(line)
    else this.#pid.resolve(Number(line))
    this.#first = false
  }

  /** To be called at the end of the process; its output without the pid. */
  end(stdout: string): string {
    this.#pid.resolve(0)
    return stdout.replace(/^\d+\n/, '')
  }
}
