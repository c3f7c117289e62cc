import { dirname, isAbsolute, resolve } from 'node:path'
import { z } from 'zod'
import { nearest } from '../nearest.ts'
import { readYaml } from '../yaml-file.ts'

/*
 * The descriptor: the file with the command lines of an implementation. The schema below is the
 * single source of the type and of the published descriptor.schema.json (`npm run docs`).
 */

const dialects = ['ours', 'criu-2017', 'criu-2019', 'criu-2020', 'auto'] as const

/** The placeholders of a command. */
const placeholders = ['directory', 'socket', 'host', 'port']

const daemon = z.strictObject({
  command: z.array(withPlaceholders(placeholders)).min(1, 'must NOT have fewer than 1 items').meta({
    description:
      'Placeholders: {directory} private and fresh, {socket} the UNIX socket to listen on, {host} and {port} of the TCP connection. A program with a relative path, such as ./my-proxy, is relative to the descriptor.',
  }),
  socket: withPlaceholders(['directory']).exactOptional().meta({
    description:
      'The path of its UNIX socket, if the daemon chooses the path itself; {directory} is replaced.',
  }),
})

const fields = z.strictObject({
  name: z.string().min(1),
  dialect: z.enum(dialects).default('auto'),
  proxy: daemon.exactOptional(),
  cache: daemon.exactOptional(),
  environment: z.record(z.string(), z.string()).default({}),
  workingDirectory: z
    .string()
    .min(1)
    .exactOptional()
    .meta({ description: 'Relative to the descriptor.' }),
  capabilities: z
    .strictObject({
      append: z.boolean().default(true),
      inheritedConnection: z.boolean().default(false),
    })
    .default({ append: true, inheritedConnection: false }),
})

const schema = fields.refine(({ proxy, cache }) => proxy !== undefined || cache !== undefined, {
  message: "must have required property 'proxy' or 'cache'",
})

/** The command line of one daemon. */
export type DaemonDescription = z.output<typeof daemon> & {
  /** Variables of this daemon alone, for a proxy and a cache from different descriptors. */
  environment?: Record<string, string>
  workingDirectory?: string
}

export type Descriptor = Omit<z.output<typeof fields>, 'proxy' | 'cache'> & {
  proxy?: DaemonDescription
  cache?: DaemonDescription
}

/** A descriptor with an error. The message is one line that names the file and the key. */
export class DescriptorError extends Error {
  override name = 'DescriptorError'
}

/**
 * Reads and checks a descriptor. Resolves a relative working directory, and programs with a
 * relative path, against the file's directory. Throws DescriptorError.
 */
export async function readDescriptor(file: string): Promise<Descriptor> {
  const descriptor = await readYaml(file, { name: 'descriptor', schema, error: DescriptorError })
  const { workingDirectory, proxy, cache } = descriptor
  const folder = dirname(file)
  return {
    ...descriptor,
    ...(proxy !== undefined && { proxy: locateProgram(proxy, folder) }),
    ...(cache !== undefined && { cache: locateProgram(cache, folder) }),
    ...(workingDirectory !== undefined && { workingDirectory: resolve(folder, workingDirectory) }),
  }
}

/** Returns the content of descriptor.schema.json, the same contract for editors and other tools. */
export function describeDescriptor(): string {
  const generated = z.toJSONSchema(fields, { target: 'draft-7', io: 'input' })
  const published = {
    $schema: generated.$schema,
    $id: 'criu-remote-conformance/descriptor',
    title: 'An implementation of the image proxy, the image cache, or both',
    anyOf: [{ required: ['proxy'] }, { required: ['cache'] }],
    ...generated,
  }
  return `${JSON.stringify(published, null, 2)}\n`
}

/** Returns a daemon whose program has an absolute path, or a bare name that PATH finds. */
function locateProgram(daemon: DaemonDescription, folder: string): DaemonDescription {
  const [program = '', ...parameters] = daemon.command
  if (!program.includes('/') || isAbsolute(program) || program.startsWith('{')) return daemon
  return { ...daemon, command: [resolve(folder, program), ...parameters] }
}

/**
 * Returns the schema of a text with placeholders. A text with white space is a script, and its
 * braces are its own.
 */
function withPlaceholders(known: readonly string[]) {
  return z.string().superRefine((text, context) => {
    const found = /\s/.test(text) ? [] : text.matchAll(/(?<!\$)\{(\w+)\}/g)
    for (const [, name = ''] of found)
      if (!known.includes(name))
        context.addIssue(`unknown placeholder {${name}}${hint(name, known)}`)
  })
}

function hint(wrong: string, known: readonly string[]): string {
  const name = nearest(wrong, known)
  return name === undefined ? `, expected one of {${known.join('}, {')}}` : `, is {${name}} meant?`
}
