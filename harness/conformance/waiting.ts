import { type Permitted, Violation } from '../violation.ts'
import { levelOf } from './register.ts'

interface Awaited {
  what: string
  permitted: Permitted
  seen: () => string
}

/** The things that a case waits for at the moment. At a deadline the first of them is reported. */
export class Waiting {
  readonly #pending = new Set<Awaited>()

  /**
   * Notes that the case waits for `what` until `work` is settled. At a deadline `seen` returns the
   * things that came instead; an empty text if none came.
   */
  async for<T>(
    what: string,
    permitted: Permitted,
    work: Promise<T>,
    seen: () => string = () => '',
  ): Promise<T> {
    levelOf(permitted)
    const entry = { what, permitted, seen }
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
    const { what, permitted, seen } = first ?? {
      what: 'the case',
      permitted: { outcome: 'its end', clause: '' },
      seen: () => '',
    }
    const came = seen()
    const actual = came === '' ? 'nothing' : `${came}, and nothing more`
    return new Violation(what, [permitted], `${actual} within ${milliseconds} ms`)
  }
}
