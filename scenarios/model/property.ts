import fc from 'fast-check'
import { Violation } from '../../harness/conformance/index.ts'

/*
 * A property of an implementation that runs: many inputs on the same daemons, the seed from the case. A counterexample is
 * shrunk as long as the daemons live, and becomes a violation with the steps, one per line, and fast-check's seed and path.
 *
 * The first failure of a dead daemon would shrink to nothing at all, since everything fails after it: then the input is
 * reported as it was. Inputs are given up, not failed, when the time is over: a slow implementation is judged by fewer of them, but
 * never by fewer than LEAST, or a busy machine would pass what another fails.
 */

/** Time for inputs, in ms; a failing one may be shrunk for as long again. */
const BUDGET = 1_500
const LEAST = 4

export interface Property<T> {
  inputs: fc.Arbitrary<T>
  runs: number
  seed: number
  /** Throws a Violation. */
  check(input: T): Promise<void>
  /** The input as lines. */
  script(input: T): readonly string[]
  /** Whether the daemons still accept connections. */
  alive(): Promise<boolean>
}

/** Checks the property for `runs` inputs, or as many as the environment variable CRIU_REMOTE_RUNS says. */
export async function forAll<T>({
  inputs,
  runs,
  seed,
  check,
  script,
  alive,
}: Property<T>): Promise<void> {
  let until = performance.now() + BUDGET
  let [failed, dead] = [false, false]
  let begun = 0
  const guarded = async (input: T) => {
    if (dead || (performance.now() > until && (failed || begun >= LEAST))) return
    begun++
    try {
      await check(input)
    } catch (thrown) {
      if (!(await alive())) dead = true
      if (!failed) until = performance.now() + BUDGET
      failed = true
      throw thrown
    }
  }
  const numRuns = Number(process.env['CRIU_REMOTE_RUNS'] ?? runs)
  const found = await fc.check(fc.asyncProperty(inputs, guarded), {
    seed: seed | 0,
    numRuns,
    includeErrorInReport: false,
  })
  if (!found.failed) return
  const thrown = found.errorInstance
  if (!(thrown instanceof Violation) || found.counterexample === null) throw thrown
  throw explained(
    thrown,
    script(found.counterexample[0]),
    `fast-check seed ${found.seed}, path ${found.counterexamplePath}`,
  )
}

/** The violation with the steps that led to it. */
export function explained(
  { what, permitted, actual }: Violation,
  lines: readonly string[],
  replay: string,
): Violation {
  return new Violation(
    what,
    permitted,
    [`${actual}, after`, ...lines.map((line) => `  ${line}`), `(${replay})`].join('\n'),
  )
}

/** The inputs of a run without shrinking: as many as given. */
export const some = <T>(inputs: fc.Arbitrary<T>, count: number, seed: number): T[] =>
  fc.sample(inputs, { numRuns: count, seed: seed | 0 })
