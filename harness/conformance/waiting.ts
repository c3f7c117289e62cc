import { type Permitted, Violation } from '../violation.ts'

/** The things that a case waits for at the moment. At a deadline the first of them is reported. */
export class Waiting {
  readonly #pending = new Set<{ what: string; permitted: Permitted }>()

  /** Notes that the case waits for `what` until `work` is settled. */
  async for<T>(what: string, permitted: Permitted, work: Promise<T>): Promise<T> {
    const entry = { what, permitted }
    this.#pending.add(entry)
    try {
      return await work
    } finally {
      this.#pending.delete(entry)
    }
  }

  /** Returns the violation for a deadline that has passed. */
  late(milliseconds: number): Violation {
    const [first] = this.#pending
    const { what, permitted } = first ?? {
      what: 'the case',
      permitted: { outcome: 'its end', clause: '' },
    }
    return new Violation(what, [permitted], `nothing within ${milliseconds} ms`)
  }
}
