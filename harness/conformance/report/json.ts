import type { Results } from '../result.ts'
import { causesOf } from './causes.ts'
import { printableJson } from './printable-results.ts'

/** Returns results.json: the results, with the causes of its failures by the ids of their cases. */
export function json({ cases, ...about }: Results): string {
  const causes = causesOf(cases).map(({ first, others, blocked }) => ({
    first: first.id,
    outcome: first.outcome,
    signature: first.signature,
    count: 1 + others.length,
    others: others.map(({ id }) => id),
    blocked: blocked.map(({ id }) => id),
  }))
  return `${printableJson({ ...about, causes, cases })}\n`
}
