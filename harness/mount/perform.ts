import type { FileSystem } from './file-system.ts'
import {
  encodeAttributes,
  encodeDirectory,
  encodeEntry,
  encodeInit,
  encodeOpenDirectory,
  encodeOpenFile,
  encodeStatfs,
  encodeWritten,
} from './replies.ts'
import type { FuseRequest } from './requests.ts'

/** A request that gets a reply. */
export type Call = Exclude<FuseRequest, { kind: 'forget' | 'interrupt' }>

/** The result of a request. */
export interface Result {
  /** Parts of the reply's body. */
  body: readonly Buffer[]
  /** The handle of a file that the request opened. */
  opened?: number
  /** Resolves when the bytes of a write request are no longer in use. */
  sent?: Promise<void>
}

/** Performs a request on a file system. Throws an Errno if the operation fails. */
export function perform(files: FileSystem, request: Call): Promise<Result> {
  return operations[request.kind](files, request as never)
}

type Operations = {
  [Kind in Call['kind']]: (
    files: FileSystem,
    request: Extract<Call, { kind: Kind }>,
  ) => Promise<Result>
}

const operations: Operations = {
  init: async (_, { flags }) => reply(encodeInit(flags)),
  lookup: async (files, { node, name }) => reply(encodeEntry(await files.lookup(node, name))),
  getattr: async (files, { node, handle }) =>
    reply(encodeAttributes(await files.attributes(node, handle))),
  setattr: async (files, { node, size }) =>
    reply(
      encodeAttributes(
        await (size === undefined ? files.attributes(node, undefined) : files.resize(node, size)),
      ),
    ),
  readlink: async (files, { node }) => reply(Buffer.from(await files.readLink(node))),
  symlink: async (files, { node, name, target }) =>
    reply(encodeEntry(await files.makeLink(node, name, target))),
  mkdir: async (files, { node, name }) => reply(encodeEntry(await files.makeDirectory(node, name))),
  unlink: async (files, { node, name }) => {
    await files.unlink(node, name)
    return reply()
  },
  rmdir: async (files, { node, name }) => {
    await files.removeDirectory(node, name)
    return reply()
  },
  open: async (files, { node, flags }) => {
    const opened = await files.open(node, flags)
    return { body: [encodeOpenFile(opened)], opened }
  },
  create: async (files, { node, name, flags }) => {
    const { attributes, handle } = await files.create(node, name, flags)
    return { body: [encodeEntry(attributes), encodeOpenFile(handle)], opened: handle }
  },
  read: async (files, { handle, offset, size }) => ({
    body: await files.read(handle, offset, size),
  }),
  write: async (files, { handle, offset, bytes }) => {
    const { sent } = await files.write(handle, offset, bytes)
    return { body: [encodeWritten(bytes.length)], sent }
  },
  release: async (files, { handle }) => {
    files.release(handle)
    return reply()
  },
  opendir: async () => reply(encodeOpenDirectory()),
  readdir: async (files, { node, offset, size }) =>
    reply(encodeDirectory(await files.list(node), offset, size)),
  access: async (files, { node }) => {
    await files.access(node)
    return reply()
  },
  statfs: async () => reply(encodeStatfs()),
  fsync: async () => reply(),
  releasedir: async () => reply(),
  destroy: async () => reply(),
  refused: async (_, { reason }) => {
    throw reason
  },
}

const reply = (...body: Buffer[]): Result => ({ body })
