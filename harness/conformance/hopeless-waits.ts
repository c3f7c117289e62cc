import type { Violation } from '../violation.ts'

/*
 * A fault that no basic case shows can make a hundred cases wait in vain, each until its deadline.
 * After VAIN cases have waited for a thing to the end, a further case waits for it for a short time
 * only. After VAIN_IN_ALL cases have waited for anything to the end, every case waits for a time
 * between the two. Then the case is blocked by the first of them. It never fails by a shorter time:
 * a failure is only seen at the whole deadline.
 */

/** Number of cases that wait for one thing in vain before later cases give it up. */
const VAIN = 2
/** Number of cases that wait for anything in vain before later cases give up anything. */
const VAIN_IN_ALL = 4
/** How long a case waits for a thing that has never come to others, in ms. */
const SHORT = 500
/** How long a case waits for any other thing then, in ms. */
const MEDIUM = 2000

/** The things for which cases have waited in vain until their deadline. */
export class HopelessWaits {
  readonly #cases = new Map<string, string[]>()

  /** Notes that a case has waited in vain. */
  add(id: string, violation: Violation): void {
    const thing = thingOf(violation)
    if (thing === undefined) return
    this.#cases.set(thing, [...(this.#cases.get(thing) ?? []), id])
  }

  /** Returns the times at which a case has to ask `blocks`, in ms; none if nothing is hopeless. */
  get looks(): readonly number[] {
    const things = [...this.#cases.values()]
    return [
      ...(things.some(({ length }) => length >= VAIN) ? [SHORT] : []),
      ...(things.flat().length >= VAIN_IN_ALL ? [MEDIUM] : []),
    ]
  }

  /** Returns the case that blocks another one, which has waited for so long, in ms. */
  blocks(violation: Violation, waited: number): string | undefined {
    const same = this.#cases.get(thingOf(violation) ?? '') ?? []
    const all = [...this.#cases.values()].flat()
    if (same.length >= VAIN) return same[0]
    return all.length >= VAIN_IN_ALL && waited >= MEDIUM ? all[0] : undefined
  }
}

/** Returns the awaited thing without its numbers; undefined if the case waited for no one thing. */
function thingOf({ permitted: [first] }: Violation): string | undefined {
  if (first === undefined || first.clause === '') return undefined
  return `${first.clause} ${first.outcome.replaceAll(/\d+/g, '#')}`
}
