import { z } from 'zod'

/*
 * The messages between ask-keeper.ts and keeper.ts, a line of JSON each. The schemas are the one
 * source of the types and of the checks.
 */

export const action = z.enum(['dump', 'pre-dump', 'restore'])

/** The snapshot, and the directory for logs and statistics that zdtm.py made. */
const about = { snapshot: z.string(), work: z.string() }

export const question = z.discriminatedUnion('step', [
  z.strictObject({ step: z.literal('begin'), action, ...about }),
  /** `code` is the exit code of criu. */
  z.strictObject({ step: z.literal('end'), action, ...about, code: z.number() }),
])

export const answer = z.union([
  /** The images directory for criu. */
  z.strictObject({ images: z.string() }),
  z.strictObject({ done: z.literal(true) }),
  z.strictObject({ error: z.string() }),
])

export type Action = z.output<typeof action>
export type Question = z.output<typeof question>
export type Answer = z.output<typeof answer>
