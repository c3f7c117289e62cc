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

/** The placeholders of a client's command. */
const clientPlaceholders = [
  ...['pid', 'directory', 'parent', 'work'],
  ...['proxySocket', 'cacheSocket', 'pidFile'],
]

const clientCommand = z
  .array(withPlaceholders(clientPlaceholders))
  .min(1, 'must NOT have fewer than 1 items')
  .meta({
    description:
      'Placeholders: {pid} of the process to dump, {directory} of the images (the snapshot id), {parent} the images directory of the previous snapshot, {work} the directory for local files, {proxySocket} and {cacheSocket}, {pidFile} the file for the pid of the restored root. A program with a relative path is relative to the descriptor.',
  })

const client = z.strictObject({
  dump: clientCommand,
  preDump: clientCommand.exactOptional(),
  restore: clientCommand,
  sockets: z.enum(['by-name', 'by-option']).default('by-name').meta({
    description:
      'by-name: the suite links img-proxy.sock and img-cache.sock into the images directory and the work directory. by-option: the commands name {proxySocket} and {cacheSocket}.',
  }),
})

const fields = z.strictObject({
  name: z.string().min(1),
  dialect: z.enum(dialects).default('auto'),
  proxy: daemon.exactOptional(),
  cache: daemon.exactOptional(),
  client: client
    .exactOptional()
    .meta({ description: 'The commands of a CRIU with --remote, or of another client.' }),
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

const schema = fields
  .refine(({ proxy, cache, client }) => [proxy, cache, client].some((each) => each !== undefined), {
    message: "must have required property 'proxy' or 'cache', or 'client'",
  })
  .superRefine(({ client }, context) => checkSockets(client, context))

/** The command line of one daemon. */
export type DaemonDescription = z.output<typeof daemon> & {
  /** Variables of this daemon alone, for a proxy and a cache from different descriptors. */
  environment?: Record<string, string>
  workingDirectory?: string
}

/** The command lines of a client. */
type ClientDescription = z.output<typeof client>

/** A command of a client. */
export type ClientCommand = 'dump' | 'preDump' | 'restore'

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
  const { workingDirectory, proxy, cache, client } = descriptor
  const folder = dirname(file)
  return {
    ...descriptor,
    ...(proxy !== undefined && { proxy: locateProgram(proxy, folder) }),
    ...(cache !== undefined && { cache: locateProgram(cache, folder) }),
    ...(client !== undefined && { client: locateClient(client, folder) }),
    ...(workingDirectory !== undefined && { workingDirectory: resolve(folder, workingDirectory) }),
  }
}

/** Returns the content of descriptor.schema.json, the same contract for editors and other tools. */
export function describeDescriptor(): string {
  const generated = z.toJSONSchema(fields, { target: 'draft-7', io: 'input' })
  const published = {
    $schema: generated.$schema,
    $id: 'criu-remote-conformance/descriptor',
    title: 'An implementation of the image proxy, the image cache, or both; or a client of them',
    anyOf: [{ required: ['proxy'] }, { required: ['cache'] }, { required: ['client'] }],
    ...generated,
  }
  return `${JSON.stringify(published, null, 2)}\n`
}

/** Returns a daemon whose program has an absolute path, or a bare name that PATH finds. */
function locateProgram(daemon: DaemonDescription, folder: string): DaemonDescription {
  return { ...daemon, command: locate(daemon.command, folder) }
}

function locateClient(client: ClientDescription, folder: string): ClientDescription {
  const { dump, preDump, restore } = client
  return {
    ...client,
    dump: locate(dump, folder),
    ...(preDump !== undefined && { preDump: locate(preDump, folder) }),
    restore: locate(restore, folder),
  }
}

function locate(command: string[], folder: string): string[] {
  const [program = '', ...parameters] = command
  if (!program.includes('/') || isAbsolute(program) || program.startsWith('{')) return command
  return [resolve(folder, program), ...parameters]
}

/** Adds an issue for each command that is told by option where a socket is, and does not say it. */
function checkSockets(
  client: z.output<typeof fields>['client'],
  context: z.core.$RefinementCtx,
): void {
  if (client?.sockets !== 'by-option') return
  const needed = { dump: '{proxySocket}', preDump: '{proxySocket}', restore: '{cacheSocket}' }
  for (const [command, placeholder] of Object.entries(needed)) {
    const words = client[command as ClientCommand]
    if (words?.some((word) => word.includes(placeholder)) === false)
      context.addIssue({
        ...{ code: 'custom', path: ['client', command] },
        message: `expected ${placeholder}, as its sockets are by-option`,
      })
  }
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
