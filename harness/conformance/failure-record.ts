import { z } from 'zod'
import { readJson } from './json-file.ts'
import { type CaseResult, outcome, type Results, trace } from './result.ts'

const failureRecord = z.object({
  case: z.string(),
  seed: z.int().describe("The run's seed, from which with the case's id the case's own is made."),
  descriptor: z
    .string()
    .exactOptional()
    .describe('Absolute path of the descriptor; none for the reference.'),
  pressure: z.literal(true).exactOptional().describe('Whether the run was one under pressure.'),
  outcome,
  signature: z.string().exactOptional(),
  trace,
})

/** The facts that are needed to run a failed case again. */
export type FailureRecord = z.output<typeof failureRecord>

/** Returns the record of a case that did not pass. */
export function recordOf(
  { id, outcome, signature, trace, runSeed: seed }: CaseResult,
  { descriptor, pressure }: Results,
): FailureRecord {
  return {
    case: id,
    seed,
    outcome,
    trace,
    ...(descriptor !== undefined && { descriptor }),
    ...(pressure && { pressure }),
    ...(signature !== undefined && { signature }),
  }
}

/** Reads a record, a file in the traces/ of a report. Throws an error of one line. */
export function readRecord(file: string): Promise<FailureRecord> {
  return readJson(failureRecord, file, 'record')
}
