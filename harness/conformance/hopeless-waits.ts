import type { Violation } from '../violation.ts'

/*
 * A fault that no basic case shows can make a hundred cases wait for the same thing in vain, each
 * until its deadline. After VAIN cases have waited for a thing to the end, a further case waits for
 * it for a short time only, and is then blocked by the first of them. It never fails by the short
 * time: a failure is only seen at the whole deadline.
 */

/** Number of cases that wait for one thing in vain before later cases give up early. */
const VAIN = 2
/** Number of cases that wait for anything in vain before later cases give up early. */
const VAIN_IN_ALL = 8

/** The things for which cases have waited in vain until their deadline. */
export class HopelessWaits {
  readonly #cases = new Map<string, string[]>()

  /** Notes that a case has waited in vain. */
  add(id: string, violation: Violation): void {
    const thing = thingOf(violation)
    if (thing === undefined) return
    this.#cases.set(thing, [...(this.#cases.get(thing) ?? []), id])
  }

  /** Whether a case is to look early whether it waits in vain. */
  get any(): boolean {
    const counts = [...this.#cases.values()].map(({ length }) => length)
    return counts.some((count) => count >= VAIN) || sum(counts) >= VAIN_IN_ALL
  }

  /** Returns the first case that waited for the same thing in vain, if enough cases did. */
  blocks(violation: Violation): string | undefined {
    const same = this.#cases.get(thingOf(violation) ?? '') ?? []
    const all = [...this.#cases.values()].flat()
    const isEnough = same.length >= VAIN || all.length >= VAIN_IN_ALL
    return isEnough ? (same[0] ?? all[0]) : undefined
  }
}

/** Returns the awaited thing without its numbers; undefined if the case waited for no one thing. */
function thingOf({ permitted: [first] }: Violation): string | undefined {
  if (first === undefined || first.clause === '') return undefined
  return `${first.clause} ${first.outcome.replaceAll(/\d+/g, '#')}`
}

const sum = (numbers: readonly number[]) => numbers.reduce((one, other) => one + other, 0)
