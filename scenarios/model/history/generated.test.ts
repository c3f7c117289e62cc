import fc from 'fast-check'
import t from 'tap'
import { isExplained } from './explain.ts'
import {
  type Forward,
  type ImageHistory,
  type Read,
  same,
  type Version,
  type Write,
} from './history.ts'
import { history } from './made.ts'

/*
 * Histories of a sequential model: each operation has its effect at one moment, in turn, and is
 * widened by random times to both sides, so that operations overlap. The search accepts all of
 * them. A history that misses a version, or has an old one, is refused.
 */

/** The distance of two effects. */
const STEP = 10

const operation = fc.record({
  kind: fc.constantFrom('write', 'append', 'append', 'read', 'read', 'forward', 'cache'),
  isEmpty: fc.nat(5).map((number) => number === 0),
  /** The times before and after the effect; a connection is opened still earlier. */
  before: fc.double({ min: 0.1, max: 40, noNaN: true }),
  after: fc.double({ min: 0.1, max: 40, noNaN: true }),
  earlier: fc.double({ min: 0.1, max: 40, noNaN: true }),
  choice: fc.nat(100),
})

type Operation = typeof operation extends fc.Arbitrary<infer T> ? T : never

/** Runs the operations one after the other, and returns the history that clients see. */
function sequential(operations: readonly Operation[]): ImageHistory {
  const model = new Model()
  for (const [at, each] of operations.entries()) model.take(each, (at + 1) * STEP)
  return model.end((operations.length + 1) * STEP)
}

class Model {
  readonly #versions: Version[] = []
  readonly #appended: boolean[] = []
  readonly #writes: Write[] = []
  readonly #reads: Read[] = []
  readonly #link: Forward[] = []
  #onLink = 0
  #atCache = 0

  take(operation: Operation, effect: number): void {
    const { kind, before, after, earlier } = operation
    if (kind === 'write' || kind === 'append') this.#write(operation, kind, effect)
    else if (kind === 'forward') this.#forward(operation, effect)
    else {
      const side = kind === 'cache' ? 'cache' : 'proxy'
      const got = side === 'cache' ? this.#atCacheNow(operation) : this.#versions.at(-1)
      if (side === 'cache' && got === undefined) return
      const moments = { opened: effect - before - earlier, answered: effect + after }
      this.#reads.push({ side, client: 'a reader', ...moments, got: got ?? 'missing' })
    }
  }

  end(effect: number): ImageHistory {
    while (this.#onLink < this.#versions.length) this.#forwardAt(this.#onLink, effect)
    return history({ writes: this.#writes, reads: this.#reads, link: this.#link })
  }

  #write({ isEmpty, before, after, earlier }: Operation, mode: Write['mode'], effect: number) {
    const id = this.#writes.length + 1
    const own = isEmpty ? [] : [id]
    this.#versions.push(mode === 'write' ? own : [...(this.#versions.at(-1) ?? []), ...own])
    this.#appended.push(mode === 'append')
    const moments = {
      ...{ opened: effect - before - earlier, closing: effect - before },
      closed: effect + after,
    }
    this.#writes.push({ id, client: 'a client', mode, size: own.length, ...moments })
  }

  /** Forwards the next version, or a later one if only appends are between. */
  #forward({ choice }: Operation, effect: number): void {
    let place = this.#onLink
    while (place + 1 < this.#versions.length && this.#appended[place + 1] && choice % 2 === 0)
      place++
    if (place < this.#versions.length) this.#forwardAt(place, effect)
  }

  #forwardAt(place: number, effect: number): void {
    this.#link.push({ place, came: effect, got: this.#versions[place] as Version })
    this.#onLink = place + 1
  }

  #atCacheNow({ choice }: Operation): Version | undefined {
    if (this.#versions.length === 0) return undefined
    this.#atCache += choice % (this.#versions.length - this.#atCache)
    return this.#versions[this.#atCache]
  }
}

const operations = fc.array(operation, { minLength: 1, maxLength: 24, size: 'max' })

t.test(
  'each history of a sequential model is explained, however its operations overlap',
  async (t) => {
    fc.assert(
      fc.property(operations, (each) => isExplained(sequential(each))),
      { numRuns: 1_000 },
    )
    t.pass()
  },
)

t.test('a read that gets the version before the one that it has to see is refused', async (t) => {
  let refused = 0
  fc.assert(
    fc.property(operations, (each) => {
      const made = sequential(each.map((one) => ({ ...one, isEmpty: false })))
      const stale = withoutLastWrite(made)
      if (stale === undefined) return true
      refused++
      return !isExplained(stale)
    }),
    { numRuns: 500 },
  )
  t.ok(refused > 50, `${refused} histories had such a read`)
})

t.test('a link that lacks the last version is refused', async (t) => {
  fc.assert(
    fc.property(operations, (each) => {
      const made = sequential(each.map((one) => ({ ...one, isEmpty: false })))
      if ((made.link ?? []).length === 0) return true
      return !isExplained({ ...made, link: made.link?.slice(0, -1) })
    }),
    { numRuns: 500 },
  )
  t.pass()
})

/** Changes the last read at the proxy to ENOENT, if a write was closed before it was opened. */
function withoutLastWrite(made: ImageHistory): ImageHistory | undefined {
  const last = made.reads.findLast(
    ({ side, opened, got }) =>
      side === 'proxy' &&
      !same(got, 'missing') &&
      made.writes.some(({ closed }) => closed < opened),
  )
  if (last === undefined) return undefined
  const reads = made.reads.map((each) =>
    each === last ? { ...each, got: 'missing' as const } : each,
  )
  return { ...made, reads }
}
