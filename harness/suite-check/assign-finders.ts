import type { LoadedCase } from '../conformance/loaded-cases.ts'
import type { Kills } from './kill-matrix-page.ts'
import type { Mutant } from './mutant.ts'

/** The cases that have to find each fault; none for a fault that does not start. */
export type Assignment = Map<Mutant, LoadedCase[]>

/** Assigns to each fault its first finder: one that is not random if it has one. */
export function assignFirst(
  faults: readonly Mutant[],
  kills: Kills,
  cases: readonly LoadedCase[],
): Assignment {
  return new Map(
    faults.map((fault) => {
      const id = firstOf(kills[fault.id] ?? [])
      return [fault, cases.filter(({ value }) => value.id === id)]
    }),
  )
}

/** Assigns to each fault its first finder, and each other case to a fault that it finds. */
export function assignAll(
  faults: readonly Mutant[],
  kills: Kills,
  cases: readonly LoadedCase[],
): Assignment {
  const assigned = assignFirst(faults, kills, cases)
  const done = new Set([...assigned.values()].flat())
  for (const each of cases) {
    const fault = faults.find(({ id }) => kills[id]?.includes(each.value.id))
    if (fault !== undefined && !done.has(each)) assigned.get(fault)?.push(each)
  }
  return assigned
}

function firstOf(finders: readonly string[]): string | undefined {
  return finders.find((id) => !/^(model|fuzz)-/.test(id)) ?? finders[0]
}
