import type { ZodType, z } from 'zod'

/*
 * Values from outside (files, output of other processes) are checked by a zod schema, from which
 * their type is derived as well: one source for both. The error names in one line the
 * action, the place of the fault in the value, and the fault.
 */

type Issue = z.core.$ZodIssue

/** A value that does not match its schema; the message is one line. */
export class CheckError extends Error {
  override name = 'CheckError'
}

/** Returns the value as its schema has it, defaults filled in. Throws CheckError. */
export function check<T>(schema: ZodType<T>, value: unknown, doing: string): T {
  const { success, data, error } = schema.safeParse(value)
  if (success) return data
  throw new CheckError(`${doing}: ${explain(error.issues[0])}`)
}

/** Parses and checks JSON. Throws CheckError for text that is not JSON as well. */
export function parseJson<T>(schema: ZodType<T>, text: string, doing: string): T {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (thrown) {
    throw new CheckError(`${doing}: ${(thrown as Error).message.split('\n')[0]}`)
  }
  return check(schema, value, doing)
}

function explain(issue: Issue | undefined): string {
  if (issue === undefined) return 'it does not match the schema'
  const key = issue.path.join('.') || 'the file'
  switch (issue.code) {
    case 'unrecognized_keys':
      return `${key}: unknown key ${issue.keys[0]}`
    case 'invalid_value':
      return `${key}: expected one of ${issue.values.join(', ')}`
    case 'invalid_type':
      return `${key}: expected ${issue.expected}${issue.input === undefined ? ', got nothing' : ''}`
    default:
      return `${key}: ${issue.message}`
  }
}
