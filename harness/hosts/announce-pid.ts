/**
 * Start of a command line whose process prints its pid as its first line, then becomes the command.
 */
export const ANNOUNCE = ['sh', '-c', 'echo $$; exec "$@"', 'sh'] as const

/** Separates the pid in the first line of an announcing process from the rest of its output. */
export class Announced {
  readonly #pid = Promise.withResolvers<number>()
  #first = true

  /**
   * The pid in the process's own pid namespace; 0 if the process ended before it printed its pid.
   */
  get pid(): Promise<number> {
    return this.#pid.promise
  }

  /** Takes the first line as the pid and passes every later line to `onLine`. */
  take(line: string, onLine?: (line: string) => void): void {
    if (!this.#first) onLine?.(line)
    else this.#pid.resolve(Number(line))
    this.#first = false
  }

  /** Returns the output without the pid's line. The caller calls it at the end of the process. */
  end(stdout: string): string {
    this.#pid.resolve(0)
    return stdout.replace(/^\d+\n/, '')
  }
}
