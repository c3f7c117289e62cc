import { readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { readYaml } from '../yaml-file.ts'

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

const schema = JSON.parse(readFileSync(new URL('descriptor.schema.json', import.meta.url), 'utf8'))

/** Reads and checks a descriptor; relative working directories are resolved against it. Throws DescriptorError. */
export async function readDescriptor(file: string): Promise<Descriptor> {
  const descriptor = await readYaml<Descriptor>(file, {
    name: 'descriptor',
    schema,
    error: DescriptorError,
  })
  const { workingDirectory } = descriptor
  return workingDirectory === undefined
    ? descriptor
    : { ...descriptor, workingDirectory: resolve(dirname(file), workingDirectory) }
}
