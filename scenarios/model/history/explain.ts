import { type ImageHistory, type Read, same, seenBy, type Version, type Write } from './history.ts'

/*
 * The search for an order that explains a history, in the manner of Wing and Gong (1993) with the
 * memory of Lowe (2017).
 *
 * The search builds the order from its beginning. An operation can be next if no other one has to
 * come before it. A write is then applied to the model; a read has to match it; else the search
 * goes back. Two ways that have put the same operations and left the model in the same state have
 * the same continuations, so the second is not followed. Without that memory four clients at once
 * make thousands of ways; with it a history of forty operations takes about a millisecond.
 *
 * The model is the list of versions so far, the place of the link in it, and the place of the cache
 * in it. The proxy is at its end. The link and the cache follow, so their places only grow.
 */

type Operation = Write | Read

interface State {
  /** The operations that have their place, or will have none. */
  done: ReadonlySet<Operation>
  /** The versions so far; the initial one is the first, if there is one. */
  versions: readonly (Version | 'missing')[]
  /** The write that made each version; none made the initial one. */
  makers: readonly (Write | undefined)[]
  /** Number of versions that have come on the link. */
  onLink: number
  /** Whether the last version has not come on the link: only an append can make up for it. */
  owed: boolean
  /** The place of the cache among the versions. */
  atCache: number
}

/** Returns whether an order of the operations explains the history. */
export function isExplained(history: ImageHistory): boolean {
  const search = new Search(history)
  return search.reaches({
    done: new Set(),
    versions: [history.initial],
    makers: [undefined],
    onLink: 0,
    owed: false,
    atCache: 0,
  })
}

class Search {
  readonly #history: ImageHistory
  readonly #operations: readonly Operation[]
  readonly #before: ReadonlyMap<Operation, readonly Operation[]>
  readonly #tried = new Set<string>()

  constructor(history: ImageHistory) {
    this.#history = history
    // The order of the ends is tried first: it is nearly always the one.
    this.#operations = [...history.writes, ...history.reads].sort((a, b) => endOf(a) - endOf(b))
    this.#before = new Map(
      this.#operations.map((each) => [
        each,
        this.#operations.filter((other) => other !== each && this.#precedes(other, each)),
      ]),
    )
  }

  /** Returns whether the state can be continued to an explanation of the whole history. */
  reaches(state: State): boolean {
    const open = this.#operations.filter((each) => !state.done.has(each))
    if (this.#isEnd(state, open)) return true
    const key = this.#key(state)
    if (this.#tried.has(key)) return false
    this.#tried.add(key)
    return open.some((each) => this.#canBeNext(state, each) && this.#follow(state, each))
  }

  #isEnd({ onLink, owed }: State, open: readonly Operation[]): boolean {
    const { link, linkIsWhole } = this.#history
    const isLinkDone = link === undefined || (onLink === link.length && !(owed && linkIsWhole))
    return isLinkDone && open.every(isOptional)
  }

  /** An optional write that had to come earlier has no effect any more. */
  #canBeNext({ done }: State, next: Operation): boolean {
    return (this.#before.get(next) ?? []).every((each) => done.has(each) || isOptional(each))
  }

  #follow(state: State, next: Operation): boolean {
    const dropped = (this.#before.get(next) ?? []).filter(isOptional)
    const done = new Set([...state.done, ...dropped, next])
    const states = isWrite(next)
      ? this.#afterWrite(state, next)
      : next.side === 'proxy'
        ? this.#afterProxyRead(state, next)
        : this.#afterCacheRead(state, next)
    return states.some((after) => this.reaches({ ...after, done }))
  }

  #afterWrite(state: State, write: Write): State[] {
    const last = state.versions.at(-1) as Version | 'missing'
    const own = write.size === 0 ? [] : [write.id]
    const version = write.mode === 'write' || last === 'missing' ? own : [...last, ...own]
    const { link, linkIsWhole } = this.#history
    const after = {
      ...state,
      versions: [...state.versions, version],
      makers: [...state.makers, write],
    }
    if (link === undefined) return [after]
    // A version that has not come is lost if a write replaces it, and a later version comes.
    const mayCome = !linkIsWhole && state.onLink === link.length
    if (state.owed && write.mode === 'write' && !mayCome) return []
    const next = link[state.onLink]
    const came = next !== undefined && same(next.got, version) && next.came > write.closing
    return [
      ...(came ? [{ ...after, onLink: state.onLink + 1, owed: false }] : []),
      { ...after, owed: state.owed || write.optional !== true },
    ]
  }

  #afterProxyRead(state: State, read: Read): State[] {
    return same(state.versions.at(-1) as Version | 'missing', read.got) ? [state] : []
  }

  #afterCacheRead(state: State, read: Read): State[] {
    const { barriers, linkEnds } = this.#history
    if (read.got === 'missing')
      return state.versions.length === 1 &&
        state.versions[0] === 'missing' &&
        read.answered > linkEnds
        ? [state]
        : []
    const least = state.makers.findLastIndex(
      (write) => write !== undefined && seenBy(write, read, barriers),
    )
    const from = Math.max(least, state.atCache)
    const place = state.versions.findIndex((each, at) => at >= from && same(each, read.got))
    return place < 0 ? [] : [{ ...state, atCache: place }]
  }

  #key({ done, versions, onLink, owed, atCache }: State): string {
    const open = this.#operations.map((each) => (done.has(each) ? 1 : 0)).join('')
    const rest = versions.slice(atCache).map((each) => `${each}`)
    return [open, rest.join(';'), versions.length === 1, onLink, owed].join('|')
  }

  /** Returns whether the clock demands that the first operation comes before the second. */
  #precedes(first: Operation, second: Operation): boolean {
    const { barriers } = this.#history
    if (isWrite(first) && isWrite(second)) return first.closed < second.opened
    if (isWrite(first) && !isWrite(second)) {
      // ENOENT at the cache comes after the last version.
      if (second.side === 'cache' && second.got === 'missing') return true
      return seenBy(first, second, barriers)
    }
    if (!isWrite(first) && isWrite(second)) {
      if (first.side === 'cache' && first.got === 'missing') return false
      return first.answered < second.closing
    }
    const [one, other] = [first as Read, second as Read]
    return one.side === other.side && one.answered < other.opened
  }
}

const isWrite = (operation: Operation): operation is Write => 'mode' in operation
const isOptional = (operation: Operation) => isWrite(operation) && operation.optional === true
const endOf = (operation: Operation) => (isWrite(operation) ? operation.closed : operation.answered)
