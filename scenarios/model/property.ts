import fc from 'fast-check'
import { Violation } from '../../harness/conformance/index.ts'

/*
 * A property is checked with many inputs on the same daemons, by the seed of the case. A
 * counterexample is shrunk while the daemons live, and becomes a violation with its steps, one per
 * line, and with the seed and path of fast-check.
 *
 * If an input kills a daemon, all later inputs fail, so shrinking would lead to an empty input.
 * Then the input is reported unchanged. When the time is over, further inputs are left out, so a
 * slow implementation is judged by fewer of them. It is never judged by fewer than `least`:
 * otherwise a busy machine would pass an implementation that another machine fails.
 */

/** Time for inputs, in ms, and for shrinking after a failure, unless a case has its own. */
const BUDGET = 1_500
/** The least number of inputs, even if the time is over, unless a case has its own. */
const LEAST = 4

export interface Property<T> {
  inputs: fc.Arbitrary<T>
  runs: number
  /** Time for inputs, in ms. */
  budget?: number
  /** The least number of inputs, even if the time is over. */
  least?: number
  seed: number
  /** Throws a Violation. */
  check(input: T): Promise<void>
  /** Returns the input as lines for people. */
  script(input: T): readonly string[]
  /** Whether the daemons still accept connections. */
  alive(): Promise<boolean>
}

/**
 * Checks the property for `runs` inputs, or for the number in the environment variable
 * CRIU_REMOTE_RUNS. Throws Violation for a counterexample.
 */
export async function forAll<T>({
  inputs,
  runs,
  budget = BUDGET,
  least = LEAST,
  seed,
  check,
  script,
  alive,
}: Property<T>): Promise<void> {
  let until = performance.now() + budget
  let [failed, dead] = [false, false]
  let begun = 0
  const guarded = async (input: T) => {
    if (dead || (performance.now() > until && (failed || begun >= least))) return
    begun++
    try {
      await check(input)
    } catch (thrown) {
      if (!(await alive())) dead = true
      if (!failed) until = performance.now() + budget
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

/** Returns the violation with the steps that led to it. */
export function explained(
  { what, permitted, actual }: Violation,
  lines: readonly string[],
  replay: string,
): Violation {
  return new Violation(
    what,
    permitted,
    [
      `${actual}${actual.includes('\n') ? '\n' : ', '}after`,
      ...lines.map((line) => `  ${line}`),
      `(${replay})`,
    ].join('\n'),
  )
}

/** Returns `count` inputs of a seed, for a case that does not shrink them. */
export const some = <T>(inputs: fc.Arbitrary<T>, count: number, seed: number): T[] =>
  fc.sample(inputs, { numRuns: count, seed: seed | 0 })
