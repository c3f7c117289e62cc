import { readFile } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { Ajv, type ErrorObject } from 'ajv'
import { parse } from 'yaml'
import { checkout } from '../hosts/checkout.ts'

/* A descriptor: the file that says how an implementation of proxy and cache is started (descriptor.schema.json). */

export interface DaemonDescription {
  command: string[]
  socket?: string
  /** Where proxy and cache come from different descriptors: those of its own. */
  environment?: Record<string, string>
  workingDirectory?: string
}

export interface Descriptor {
  name: string
  dialect: 'ours' | 'criu-2017' | 'criu-2019' | 'criu-2020' | 'auto'
  proxy?: DaemonDescription
  cache?: DaemonDescription
  environment: Record<string, string>
  workingDirectory?: string
  capabilities: { append: boolean; inheritedConnection: boolean }
}

/** A descriptor that can't be used; the text is one line that names the file and the key. */
export class DescriptorError extends Error {
  override name = 'DescriptorError'
}

/** Reads and checks a descriptor; relative working directories are resolved against it. */
export async function readDescriptor(file: string): Promise<Descriptor> {
  const text = await readFile(file, 'utf8').catch((error: Error) => {
    throw new DescriptorError(`reading descriptor ${file}: ${error.message}`)
  })
  const descriptor = await checkDescriptor(parseText(file, text), file)
  const { workingDirectory } = descriptor
  return workingDirectory === undefined ? descriptor : { ...descriptor, workingDirectory: resolve(dirname(file), workingDirectory) }
}

/** Checks a value against the schema and fills in the defaults. Throws DescriptorError naming the key. */
async function checkDescriptor(value: unknown, file: string): Promise<Descriptor> {
  const schema = JSON.parse(await readFile(`${checkout}/harness/implementation/descriptor.schema.json`, 'utf8'))
  const validate = new Ajv({ useDefaults: true }).compile<Descriptor>(schema)
  if (validate(value)) return value
  throw new DescriptorError(`checking descriptor ${file}: ${explain(validate.errors ?? [])}`)
}

function parseText(file: string, text: string): unknown {
  try {
    return parse(text)
  } catch (thrown) {
    throw new DescriptorError(`parsing descriptor ${file}: ${(thrown as Error).message.split('\n')[0]}`)
  }
}

function explain([error]: ErrorObject[]): string {
  if (error === undefined) return 'it does not match the schema'
  const key = error.instancePath.slice(1).replaceAll('/', '.') || 'the file'
  const { additionalProperty, allowedValues } = error.params as { additionalProperty?: string; allowedValues?: string[] }
  if (additionalProperty !== undefined) return `${key}: unknown key ${additionalProperty}`
  if (allowedValues !== undefined) return `${key}: expected one of ${allowedValues.join(', ')}`
  return `${key}: ${error.message}`
}
