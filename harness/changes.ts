/** Lets callers wait for a condition, which is tested again after each `notify`. */
export class Changes {
  #waiters: (() => void)[] = []

  /** Waits until the condition is true. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise<void>((resolve) => this.#waiters.push(resolve))
  }

  /** Announces a change on which a condition may depend. */
  notify(): void {
    for (const wake of this.#waiters.splice(0)) wake()
  }
}
