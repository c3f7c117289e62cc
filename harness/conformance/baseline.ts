import { writeFile } from 'node:fs/promises'
import { stringify } from 'yaml'
import { z } from 'zod'
import { readYaml } from '../yaml-file.ts'
import type { LoadedCase } from './loaded-cases.ts'
import { type CaseResult, isKnown } from './result.ts'

/*
 * A baseline lists known failures. An entry is bound to one case and to the signature of its
 * failure, has a reason, and expires. A case that passes, fails in another way, or has failed for
 * too long is reported as if it had no entry. An entry may declare its case flaky: that case may
 * pass, or fail with that signature.
 */

const text = z.string().min(1)

const schema = z.strictObject({
  entries: z.array(
    z.strictObject({
      case: text,
      signature: text,
      reason: text,
      flaky: z
        .string()
        .regex(/^\d+\/\d+$/, 'must match FAILURES/RUNS')
        .exactOptional()
        .meta({ description: 'The rate of failures that was seen, such as 3/20.' }),
      expires: z
        .string()
        .regex(/^\d{4}-\d{2}-\d{2}$/, 'must match YYYY-MM-DD')
        .meta({ description: 'The last day on which the entry holds.' }),
    }),
  ),
})

export type Baseline = z.output<typeof schema>
type Entry = Baseline['entries'][number]

/** A baseline that cannot be used; the message is one line. */
export class BaselineError extends Error {
  override name = 'BaselineError'
}

/** Number of days for which a written baseline holds. */
const DAYS = 90

/** Reads a baseline. Throws BaselineError. */
export function readBaseline(file: string): Promise<Baseline> {
  return readYaml(file, { name: 'baseline', schema, error: BaselineError })
}

/**
 * Writes the failures of a run as a baseline, and returns their number. The reason of an entry is
 * only the observation: a person has to replace it. A case that passed in some of its runs is
 * written as flaky, with an entry for each signature.
 */
export async function writeBaseline(file: string, results: readonly CaseResult[]): Promise<number> {
  const expires = new Date(Date.now() + DAYS * 86_400_000).toISOString().slice(0, 10)
  const failed = results.filter((result) => result.outcome === 'fail' || isKnown(result))
  const entries = failed.flatMap((result) => entriesOf(result, expires))
  await writeFile(file, stringify({ entries } satisfies Baseline, { lineWidth: 0 }))
  return entries.length
}

function entriesOf(result: CaseResult, expires: string): Entry[] {
  const { id, signature = '', signatures = [signature], what, actual, passed, runs } = result
  return signatures.map((each) => ({
    case: id,
    signature: each,
    reason: `${what}: ${actual}`.split('\n')[0] as string,
    ...(passed > 0 && { flaky: `${runs - passed}/${runs}` }),
    expires,
  }))
}

/** Throws BaselineError if an entry names no case of the suite. */
export function checkBaseline({ entries }: Baseline, loaded: readonly LoadedCase[]): void {
  const ids = new Set(loaded.map(({ value }) => value.id))
  const unknown = entries.find((entry) => !ids.has(entry.case))
  if (unknown !== undefined)
    throw new BaselineError(`checking the baseline: there is no case ${unknown.case}`)
}

/** Returns the results with the outcomes that the baseline gives them; `today` is YYYY-MM-DD. */
export function applyBaseline(
  results: readonly CaseResult[],
  { entries }: Baseline,
  today = new Date().toISOString().slice(0, 10),
): CaseResult[] {
  return results.map((result) => {
    const own = entries.filter((entry) => entry.case === result.id)
    if (own.length === 0) return result
    return judge(result, own, today)
  })
}

function judge(result: CaseResult, own: readonly Entry[], today: string): CaseResult {
  const { outcome, signature, signatures = [signature] } = result
  if (outcome === 'pass') return judgePass(result, own, today)
  if (outcome !== 'fail') return result
  const entries = signatures.map((each) => own.find((entry) => entry.signature === each))
  const entry = entries[0]
  if (entry === undefined || entries.includes(undefined))
    return { ...result, note: 'the baseline expects another failure of this case' }
  const expired = entries.find((each) => each !== undefined && each.expires < today)
  if (expired !== undefined)
    return { ...result, note: `its entry in the baseline expired on ${expired.expires}` }
  if (entry.flaky !== undefined)
    return { ...result, outcome: 'flaky', note: `${entry.reason} (failed in ${entry.flaky})` }
  if (result.passed > 0)
    return { ...result, note: 'it passed in some of its runs, and is not declared flaky' }
  return { ...result, outcome: 'expected-fail', note: entry.reason }
}

/** Judges a case that passed: only a flaky one may, as long as an entry of it holds. */
function judgePass(result: CaseResult, own: readonly Entry[], today: string): CaseResult {
  const flaky = own.find((entry) => entry.flaky !== undefined && entry.expires >= today)
  if (flaky !== undefined) return { ...result, note: `declared flaky: failed in ${flaky.flaky}` }
  return {
    ...result,
    outcome: 'unexpected-pass',
    actual: 'it passes',
    note: 'the baseline expects it to fail: remove its entry',
  }
}
