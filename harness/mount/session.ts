import type { Log } from '../../reference/index.ts'
import type { Device, OpenDevice } from './device.ts'
import { Errno } from './errno.ts'
import type { FileSystem } from './file-system.ts'
import { type Call, perform } from './perform.ts'
import { encodeReply } from './replies.ts'
import { decodeRequest, type FuseRequest } from './requests.ts'

/*
 * Passes FUSE requests to a file system, and its results back as replies.
 *
 * Every request runs by itself: an open that waits for an image delays no other request. The kernel
 * interrupts a request when its caller gets a signal. Without a reply even a killed process would
 * stay until the image arrives. So an interrupted request is answered with EINTR at once, and a
 * file that it opens later is released. Requests that change something are not interrupted: a
 * signal with a handler interrupts a request as well, and a caller that gets EINTR repeats its
 * request.
 */

export interface Session {
  /** Resolves when the file system is unmounted, by `unmount` or by another process. */
  closed: Promise<void>
  unmount(): Promise<void>
}

/** Mounts a file system by a device. */
export async function mount(open: OpenDevice, files: FileSystem, log: Log): Promise<Session> {
  const ready = Promise.withResolvers<Device>()
  const requests = new Requests(ready.promise, files, log)
  const device = await open((bytes) => requests.handle(decodeRequest(bytes)))
  ready.resolve(device)
  const close = () => files.close()
  void device.closed.then(close, close)
  return device
}

class Requests {
  readonly #device: Promise<Device>
  readonly #files: FileSystem
  readonly #log: Log
  /** Functions that interrupt a request, by the `unique` number of the request. */
  readonly #interrupts = new Map<number, () => void>()

  constructor(device: Promise<Device>, files: FileSystem, log: Log) {
    this.#device = device
    this.#files = files
    this.#log = log
  }

  /** Resolves when the request is answered and its bytes are no longer in use. */
  async handle(request: FuseRequest): Promise<void> {
    const device = await this.#device
    if (request.kind === 'interrupt') this.#interrupts.get(request.target)?.()
    else if (request.kind === 'forget')
      for (const { node, times } of request.lookups) this.#files.forget(node, times)
    else await this.#answer(device, request)
  }

  async #answer(device: Device, request: Call): Promise<void> {
    const interrupted = Promise.withResolvers<never>()
    if (!CHANGES.has(request.kind))
      this.#interrupts.set(request.unique, () => interrupted.reject(new Errno('EINTR')))
    const work = perform(this.#files, request)
    let sent: Promise<void> | undefined
    try {
      const result = await Promise.race([work, interrupted.promise])
      device.reply(encodeReply(request.unique, 0, result.body))
      sent = result.sent
    } catch (thrown) {
      this.#report(request, thrown)
      device.reply(encodeReply(request.unique, Errno.of(thrown), []))
      this.#releaseLater(work)
    } finally {
      this.#interrupts.delete(request.unique)
    }
    await sent
  }

  #report({ kind }: Call, thrown: unknown): void {
    if (thrown instanceof Errno) return
    this.#log.error(`request ${kind}: ${thrown instanceof Error ? thrown.message : thrown}`)
  }

  /** Releases the file that an interrupted request opens after all. */
  #releaseLater(work: ReturnType<typeof perform>): void {
    work.then(
      ({ opened }) => {
        if (opened !== undefined) this.#files.release(opened)
      },
      () => {},
    )
  }
}

/** Requests that are not interrupted. */
const CHANGES: ReadonlySet<Call['kind']> = new Set([
  'write',
  'symlink',
  'mkdir',
  'unlink',
  'create',
  'setattr',
])
