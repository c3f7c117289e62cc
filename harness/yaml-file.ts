import { readFile } from 'node:fs/promises'
import { parse } from 'yaml'
import type { ZodType } from 'zod'
import { CheckError, check } from './checked.ts'

/** A kind of YAML or JSON file: its name in errors, its schema, and the error that is thrown. */
export interface FileKind<T> {
  name: string
  schema: ZodType<T>
  error: new (message: string) => Error
}

/** Reads and checks a file. Throws the kind's error: one line that names the file and the key. */
export async function readYaml<T>(
  file: string,
  { name, schema, error: Failure }: FileKind<T>,
): Promise<T> {
  const text = await readFile(file, 'utf8').catch((error: Error) => {
    throw new Failure(`reading ${name} ${file}: ${error.message}`)
  })
  try {
    return check(schema, parse(text), `checking ${name} ${file}`)
  } catch (thrown) {
    const { message } = thrown as Error
    if (thrown instanceof CheckError) throw new Failure(message)
    throw new Failure(`parsing ${name} ${file}: ${message.split('\n')[0]}`)
  }
}
