import { readFile } from 'node:fs/promises'
import { Ajv, type ErrorObject } from 'ajv'
import { parse } from 'yaml'

/** What a YAML or JSON file is, for errors, and what it has to look like. */
export interface FileKind {
  name: string
  /** JSON Schema; its defaults are filled in. */
  schema: object
  error: new (message: string) => Error
}

/** Reads and checks a file. Throws the kind's error: one line that names the file and the key. */
export async function readYaml<T>(
  file: string,
  { name, schema, error: Failure }: FileKind,
): Promise<T> {
  const text = await readFile(file, 'utf8').catch((error: Error) => {
    throw new Failure(`reading ${name} ${file}: ${error.message}`)
  })
  const validate = new Ajv({ useDefaults: true }).compile<T>(schema)
  const value = parseText(text, (why) => new Failure(`parsing ${name} ${file}: ${why}`))
  if (validate(value)) return value
  throw new Failure(`checking ${name} ${file}: ${explain(validate.errors ?? [])}`)
}

function parseText(text: string, failure: (why: string | undefined) => Error): unknown {
  try {
    return parse(text)
  } catch (thrown) {
    throw failure((thrown as Error).message.split('\n')[0])
  }
}

function explain([error]: ErrorObject[]): string {
  if (error === undefined) return 'it does not match the schema'
  const key = error.instancePath.slice(1).replaceAll('/', '.') || 'the file'
  const { additionalProperty, allowedValues } = error.params as {
    additionalProperty?: string
    allowedValues?: string[]
  }
  if (additionalProperty !== undefined) return `${key}: unknown key ${additionalProperty}`
  if (allowedValues !== undefined) return `${key}: expected one of ${allowedValues.join(', ')}`
  return `${key}: ${error.message}`
}
