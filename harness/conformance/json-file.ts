import { readFile } from 'node:fs/promises'
import type { ZodType } from 'zod'
import { parseJson } from '../checked.ts'

/** Reads and checks a JSON file; `what` names its kind. Throws an error of one line. */
export async function readJson<T>(schema: ZodType<T>, file: string, what: string): Promise<T> {
  const doing = `reading ${what} ${file}`
  const text = await readFile(file, 'utf8').catch((error: Error) => {
    throw new Error(`${doing}: ${error.message}`)
  })
  return parseJson(schema, text, doing)
}
