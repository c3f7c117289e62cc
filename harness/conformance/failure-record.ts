import { readJson } from './json-file.ts'
import type { CaseResult, Outcome, Results } from './result.ts'

/** What is needed to run a failure again. */
export interface Record {
  case: string
  /** The run's seed, which with the case's id gives the case its own. */
  seed: number
  /** The descriptor, absolute; none for the reference. */
  descriptor?: string
  outcome: Outcome
  signature?: string
  trace: CaseResult['trace']
}

/** The record of a case that did not pass. */
export function recordOf(
  { id, outcome, signature, trace, runSeed: seed }: CaseResult,
  { descriptor }: Results,
): Record {
  return {
    case: id,
    seed,
    outcome,
    trace,
    ...(descriptor !== undefined && { descriptor }),
    ...(signature !== undefined && { signature }),
  }
}

/** Reads a record. Throws with one line. */
export async function readRecord(file: string): Promise<Record> {
  const record = (await readJson(file, 'record')) as Record | undefined
  if (typeof record?.case === 'string' && Number.isInteger(record.seed)) return record
  throw new Error(`reading record ${file}: expected a file that a report has in traces/`)
}
