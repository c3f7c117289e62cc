import { writeFile } from 'node:fs/promises'
import { stringify } from 'yaml'
import { z } from 'zod'
import { readYaml } from '../yaml-file.ts'
import type { LoadedCase } from './loaded-cases.ts'
import type { CaseResult } from './result.ts'

/*
 * A baseline lists known failures. An entry is bound to one case and to the signature of its
 * failure, has a reason, and expires. A case that passes, fails in another way, or has failed for
 * too long is reported as if it had no entry.
 */

const text = z.string().min(1)

const schema = z.strictObject({
  entries: z.array(
    z.strictObject({
      case: text,
      signature: text,
      reason: text,
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
 * only the observation: a person has to replace it.
 */
export async function writeBaseline(file: string, results: readonly CaseResult[]): Promise<number> {
  const expires = new Date(Date.now() + DAYS * 86_400_000).toISOString().slice(0, 10)
  const failed = results.filter(({ outcome }) => outcome === 'fail' || outcome === 'expected-fail')
  const entries = failed.map(
    ({ id, signature, what, actual }): Entry => ({
      case: id,
      signature: signature ?? '',
      reason: `${what}: ${actual}`.split('\n')[0] as string,
      expires,
    }),
  )
  await writeFile(file, stringify({ entries } satisfies Baseline, { lineWidth: 0 }))
  return entries.length
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
  if (result.outcome === 'pass')
    return {
      ...result,
      outcome: 'unexpected-pass',
      actual: 'it passes',
      note: 'the baseline expects it to fail: remove its entry',
    }
  if (result.outcome !== 'fail') return result
  const entry = own.find(({ signature }) => signature === result.signature)
  if (entry === undefined)
    return { ...result, note: 'the baseline expects another failure of this case' }
  if (entry.expires < today)
    return { ...result, note: `its entry in the baseline expired on ${entry.expires}` }
  return { ...result, outcome: 'expected-fail', note: entry.reason }
}
