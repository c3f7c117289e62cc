import type { Log } from '../../reference/index.ts'
import type { Device, OpenDevice } from './device.ts'
import { Errno } from './errno.ts'
import * as wire from './wire.ts'

/*
 * From FUSE requests to calls of a file system, and back.
 *
 * Every request runs by itself: an open that waits for an image delays nobody. The kernel asks to interrupt a request
 * when its caller got a signal; unless it is answered, even a killed process stays until the image
 * comes. So an interrupted request is answered EINTR at once, and what it brings later is given back. Those that
 * change something are not: a signal that has a handler comes here as well, and who is told EINTR does it again.
 */

export interface FileSystem {
  lookup(parent: number, name: string): Promise<wire.Attributes>
  forget(node: number, times: number): void
  attributes(node: number, handle: number | undefined): Promise<wire.Attributes>
  resize(node: number, size: number): Promise<wire.Attributes>
  readLink(node: number): Promise<string>
  makeLink(parent: number, name: string, target: string): Promise<wire.Attributes>
  makeDirectory(parent: number, name: string): Promise<wire.Attributes>
  unlink(parent: number, name: string): Promise<void>
  removeDirectory(parent: number, name: string): Promise<void>
  list(node: number): Promise<wire.Entry[]>
  /** Whether the file exists, as an error if not. */
  access(node: number): Promise<void>
  open(node: number, flags: number): Promise<number>
  create(
    parent: number,
    name: string,
    flags: number,
  ): Promise<{ attributes: wire.Attributes; handle: number }>
  read(handle: number, offset: number, size: number): Promise<Buffer[]>
  /** Resolves when the write may be answered; the bytes are the caller's again when `sent` has resolved, or this has rejected. */
  write(handle: number, offset: number, bytes: Buffer): Promise<{ sent: Promise<void> }>
  release(handle: number): void
  /** The mount is gone: no open file will be released any more. */
  close(): void
}

export interface Session {
  /** Resolves when it is unmounted, by `unmount` or by somebody else. */
  closed: Promise<void>
  unmount(): Promise<void>
}

const { opcode } = wire

/** Mounts a file system by a device. */
export async function mount(open: OpenDevice, files: FileSystem, log: Log): Promise<Session> {
  const interrupts = new Map<number, () => void>()
  const ready = Promise.withResolvers<Device>()
  const device = await open((bytes) => handle(wire.decodeRequest(bytes)))
  ready.resolve(device)
  const close = () => files.close()
  void device.closed.then(close, close)
  return device

  async function handle(request: wire.Request): Promise<void> {
    const { reply } = await ready.promise
    if (withoutReply(request)) return
    const interrupted = Promise.withResolvers<never>()
    if (!changes(request))
      interrupts.set(request.unique, () => interrupted.reject(new Errno('EINTR')))
    let bytesInUse: Promise<void> | undefined
    const work = perform(files, request, (until) => {
      bytesInUse = until
    })
    try {
      const body = await Promise.race([work, interrupted.promise])
      reply([wire.encodeReply(request.unique, 0, length(body)), ...body])
    } catch (thrown) {
      if (!(thrown instanceof Errno))
        log.error(
          `operation ${request.opcode}: ${thrown instanceof Error ? thrown.message : thrown}`,
        )
      reply([wire.encodeReply(request.unique, Errno.of(thrown), 0)])
      if (opens(request))
        work.then(
          ([body]) => files.release(wire.decodeNumber(body as Buffer)),
          () => {},
        )
    } finally {
      interrupts.delete(request.unique)
    }
    await bytesInUse
  }

  function withoutReply({ opcode: code, node, body }: wire.Request): boolean {
    if (code === opcode.interrupt) interrupts.get(wire.decodeNumber(body))?.()
    else if (code === opcode.forget) files.forget(node, wire.decodeNumber(body))
    else if (code === opcode.batchForget)
      for (const forget of wire.decodeBatchForget(body)) files.forget(forget.node, forget.times)
    else return false
    return true
  }
}

const CHANGES: readonly number[] = [
  opcode.write,
  opcode.symlink,
  opcode.mkdir,
  opcode.unlink,
  opcode.create,
  opcode.setattr,
]
const changes = ({ opcode: code }: wire.Request) => CHANGES.includes(code)
const opens = ({ opcode: code }: wire.Request) => code === opcode.open

/** The reply's body. `useBytes` is told how long the request's bytes are needed, where that is longer than the reply takes. */
async function perform(
  files: FileSystem,
  { opcode: code, node, body }: wire.Request,
  useBytes: (until: Promise<void>) => void,
): Promise<Buffer[]> {
  switch (code) {
    case opcode.init:
      return [wire.encodeInit(body)]
    case opcode.lookup:
      return [wire.encodeEntry(await files.lookup(node, firstName(body)))]
    case opcode.getattr:
      return [wire.encodeAttributes(await files.attributes(node, wire.decodeGetattrHandle(body)))]
    case opcode.setattr: {
      const size = wire.decodeNewSize(body)
      return [
        wire.encodeAttributes(
          size === undefined
            ? await files.attributes(node, undefined)
            : await files.resize(node, size),
        ),
      ]
    }
    case opcode.readlink:
      return [Buffer.from(await files.readLink(node))]
    case opcode.symlink: {
      const [name, target] = names(body, 0)
      return [wire.encodeEntry(await files.makeLink(node, name ?? '', target ?? ''))]
    }
    case opcode.mkdir:
      return [wire.encodeEntry(await files.makeDirectory(node, firstName(body, 8)))]
    case opcode.unlink:
      await files.unlink(node, firstName(body))
      return []
    case opcode.rmdir:
      await files.removeDirectory(node, firstName(body))
      return []
    case opcode.open:
      return [
        wire.encodeOpen(await files.open(node, wire.decodeOpenFlags(body)), wire.FOPEN_DIRECT_IO),
      ]
    case opcode.create: {
      const { attributes, handle } = await files.create(
        node,
        firstName(body, 16),
        wire.decodeOpenFlags(body),
      )
      return [wire.encodeEntry(attributes), wire.encodeOpen(handle, wire.FOPEN_DIRECT_IO)]
    }
    case opcode.read: {
      const { handle, offset, size } = wire.decodeTransfer(body)
      return files.read(handle, offset, size)
    }
    case opcode.write: {
      const { handle, offset } = wire.decodeTransfer(body)
      const bytes = wire.decodeWriteData(body)
      useBytes((await files.write(handle, offset, bytes)).sent)
      return [wire.encodeWritten(bytes.length)]
    }
    case opcode.release:
      files.release(wire.decodeNumber(body))
      return []
    case opcode.opendir:
      return [wire.encodeOpen(0, 0)]
    case opcode.readdir: {
      const { offset, size } = wire.decodeTransfer(body)
      return [wire.encodeDirectory(await files.list(node), offset, size)]
    }
    case opcode.access:
      await files.access(node)
      return []
    case opcode.statfs:
      return [wire.encodeStatfs()]
    case opcode.fsync:
    case opcode.releasedir:
    case opcode.destroy:
      return []
    default:
      // Of FLUSH, too: the kernel then does not ask at each close any more.
      throw new Errno('ENOSYS')
  }
}

function firstName(body: Buffer, from = 0): string {
  return names(body, from)[0] as string
}

function names(body: Buffer, from: number): string[] {
  const decoded = wire.decodeNames(body, from)
  if (decoded.some((name) => name === undefined))
    throw new Errno('EILSEQ', 'a name that is not UTF-8')
  return decoded as string[]
}

const length = (parts: readonly Buffer[]) => parts.reduce((sum, part) => sum + part.length, 0)
