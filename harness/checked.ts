import { type ZodType, z } from 'zod'
import { suggest } from './nearest.ts'

/*
 * Values from outside (files, output of other processes) are checked by a zod schema, from which
 * their type is derived as well: one source for both. The error names in one line the
 * action, the place of the fault in the value, and the fault.
 */

type Issue = z.core.$ZodIssue
type JsonSchema = z.core.JSONSchema.BaseSchema

/** A value that does not match its schema; the message is one line. */
export class CheckError extends Error {
  override name = 'CheckError'
}

/** Returns the value as its schema has it, defaults filled in. Throws CheckError. */
export function check<T>(schema: ZodType<T>, value: unknown, doing: string): T {
  const { success, data, error } = schema.safeParse(value, { reportInput: true })
  if (success) return data
  throw new CheckError(`${doing}: ${explain(error.issues[0], schema)}`)
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

function explain(issue: Issue | undefined, schema: ZodType): string {
  if (issue === undefined) return 'it does not match the schema'
  const key = issue.path.join('.') || 'the file'
  switch (issue.code) {
    case 'unrecognized_keys':
      return `${key}: unknown key ${issue.keys[0]}${suggestKey(issue, schema)}`
    case 'invalid_value':
      return `${key}: expected one of ${issue.values.join(', ')}`
    case 'invalid_type':
      return `${key}: expected ${issue.expected}${issue.input === undefined ? ', got nothing' : ''}`
    default:
      return `${key}: ${issue.message}`
  }
}

/** Suggests the nearest key that the schema knows in the place of an unknown one. */
function suggestKey({ path, keys }: z.core.$ZodIssueUnrecognizedKeys, schema: ZodType): string {
  let place: JsonSchema | undefined = z.toJSONSchema(schema, {
    io: 'input',
    unrepresentable: 'any',
  })
  for (const step of path)
    place = (place?.properties?.[String(step)] ?? place?.items) as JsonSchema | undefined
  return suggest(keys[0] as string, Object.keys(place?.properties ?? {}))
}
