/** Wakes those who wait for a condition, whenever something changed that it may depend on. */
export class Changes {
  #waiters: (() => void)[] = []

  /** Waits until the condition holds. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise<void>((resolve) => this.#waiters.push(resolve))
  }

  notify(): void {
    for (const wake of this.#waiters.splice(0)) wake()
  }
}
