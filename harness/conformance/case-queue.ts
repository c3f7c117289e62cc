import { Changes } from '../changes.ts'
import type { Descriptor } from '../implementation/descriptor.ts'
import { basicRank, basicsOf } from './basic-cases.ts'
import { inapplicable } from './judge.ts'
import type { LoadedCase } from './loaded-cases.ts'
import type { CaseResult } from './result.ts'

/** A case to begin, or to leave out because a more basic one has failed. */
export interface NextCase {
  loaded: LoadedCase
  blockedBy?: string
}

/**
 * The cases of a run in the order of their begin. A case begins only after the basic cases of its
 * role, if the run has them.
 */
export class CaseQueue {
  readonly #left: LoadedCase[]
  readonly #outcomes = new Map<string, CaseResult['outcome']>()
  readonly #basics: ReadonlySet<string>
  readonly #changes = new Changes()
  #isClosed = false

  /** @param waitsForBasics whether cases depend on the basic cases of their role. */
  constructor(cases: readonly LoadedCase[], descriptor: Descriptor, waitsForBasics: boolean) {
    this.#left = inOrder(cases, descriptor)
    const basics = this.#left
      .map(({ value }) => value.id)
      .filter((id) => basicRank(id) !== undefined)
    this.#basics = new Set(waitsForBasics ? basics : [])
  }

  /** Waits for the next case that can begin; returns undefined if there is none any more. */
  async next(): Promise<NextCase | undefined> {
    await this.#changes.until(
      () => this.#isClosed || this.#left.length === 0 || this.#ready() !== undefined,
    )
    const loaded = this.#isClosed ? undefined : this.#ready()
    if (loaded === undefined) return undefined
    this.#left.splice(this.#left.indexOf(loaded), 1)
    this.#changes.notify()
    const blockedBy = this.#basicsOf(loaded).find((id) => this.#outcomes.get(id) === 'fail')
    return { loaded, ...(blockedBy !== undefined && { blockedBy }) }
  }

  /** Notes the outcome of a case, on which others may wait. */
  done({ id, outcome }: Pick<CaseResult, 'id' | 'outcome'>): void {
    this.#outcomes.set(id, outcome)
    this.#changes.notify()
  }

  /** Gives out no further case. */
  close(): void {
    this.#isClosed = true
    this.#changes.notify()
  }

  #ready(): LoadedCase | undefined {
    return this.#left.find((loaded) => this.#basicsOf(loaded).every((id) => this.#outcomes.has(id)))
  }

  #basicsOf({ value }: LoadedCase): string[] {
    return basicsOf(value).filter((id) => this.#basics.has(id))
  }
}

/** Places of cases behind the basic ones, which are numbered from 0. */
const [LONG, USUAL] = [1_000, 1_001]

/**
 * Returns basic cases first, and before them one of each role: a daemon that does not start ends
 * the run, so each role is started as early as possible. Long cases follow, so that the others run
 * beside them.
 */
function inOrder(cases: readonly LoadedCase[], descriptor: Descriptor): LoadedCase[] {
  const rank = ({ value: { id, patience } }: LoadedCase) =>
    basicRank(id) ?? (patience === undefined ? USUAL : LONG)
  const sorted = cases.toSorted((one, other) => rank(one) - rank(other))
  const applicable = sorted.filter(({ value }) => inapplicable(value, descriptor) === undefined)
  const first = (['cache', 'proxy', 'pair'] as const).flatMap(
    (role) => applicable.find(({ value }) => value.role === role) ?? [],
  )
  return [...first, ...sorted.filter((each) => !first.includes(each))]
}
