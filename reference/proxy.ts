import type { RemoteError } from '../proto/error.ts'
import type { RemoteImage } from '../proto/messages.ts'
import { type Daemon, type DaemonOptions, live, type UnlessStopped } from './daemon.ts'
import {
  type Dialect,
  dialect as dialectOf,
  forwardedMode,
  isDumpFinish,
  snapshotKey,
} from './dialect.ts'
import { imageName, type Log, silent } from './log.ts'
import type { Content } from './memory/content.ts'
import { ImageStore } from './memory/image-store.ts'
import { receiveImage } from './receive.ts'
import { Forwarder } from './transport/forwarder.ts'
import { openLink } from './transport/link.ts'
import { answer, LocalServer, type Open, type WriteOpen } from './transport/local-server.ts'

/*
 * The image proxy runs on the node of the target process. CRIU's pre-dumps and dump write images to
 * it over UNIX connections. The proxy keeps each complete image for later increments and forwards
 * it to the cache. It answers reads of images that it holds, and other reads at once with ENOENT
 * (P1). It runs from the first pre-dump to the end of the dump (E3), which the dump announces (E1).
 */

/** Connects to the cache, then listens on the UNIX socket. Throws RemoteError if either fails. */
export async function startProxy({
  socket,
  link: end,
  dialect = 'auto',
  maxMemory,
  log = silent,
  readerSilence,
}: DaemonOptions): Promise<Daemon> {
  const link = await openLink(end)
  const store = new ImageStore(maxMemory)
  const proxy = new ImageProxy(dialectOf(dialect), store, new Forwarder(link, log), log)
  return proxy.start(socket, readerSilence)
}

class ImageProxy {
  readonly #dialect: Dialect
  readonly #store: ImageStore
  readonly #forwarder: Forwarder
  readonly #log: Log
  readonly #dumpFinished = Promise.withResolvers<void>()
  #finishing = false
  /** The first failure that lost an image without the knowledge of its client. */
  #imageLost: RemoteError | undefined

  constructor(dialect: Dialect, store: ImageStore, forwarder: Forwarder, log: Log) {
    this.#dialect = dialect
    this.#store = store
    this.#forwarder = forwarder
    this.#log = log
  }

  async start(socket: string, readerSilence?: number): Promise<Daemon> {
    const serve = (open: Open) => this.#serve(open)
    const local = await LocalServer.listen(socket, this.#log, serve, readerSilence).catch(
      (thrown) => {
        this.#forwarder.abort()
        throw thrown
      },
    )
    return live(
      (unlessStopped) => this.#run(local, unlessStopped),
      (failure) => this.#close(local, failure),
    )
  }

  #serve(open: Open): Promise<void> {
    if (open.purpose === 'read') return this.#serveRead(open)
    if (isDumpFinish(this.#dialect, open.image)) return this.#finishDump()
    return this.#receive(open)
  }

  async #serveRead(open: Open): Promise<void> {
    const { snapshotId, name } = open.image
    const content = this.#store.get(snapshotKey(this.#dialect, snapshotId), name)
    const found = content === undefined ? 'no such image' : `${content.size} bytes`
    this.#log.debug(`read ${imageName(open.image)}: ${found}`)
    await answer(open, content)
  }

  async #receive(open: WriteOpen): Promise<void> {
    const content = await receiveImage(this.#store, open.image, (sink) =>
      open.reader.rest(sink),
    ).catch((thrown) => this.#throwDropped(thrown))
    this.#complete(open, content)
  }

  /**
   * Notes failures that the proxy caused: their client gets no reply (L5), so the end of the dump
   * reports them (E4).
   */
  #throwDropped(failure: RemoteError): never {
    if (this.#finishing || failure.code === 'memory-exhausted') this.#imageLost ??= failure
    throw failure
  }

  /** Stores a complete image, which makes it readable (L7), and forwards it. */
  #complete(open: WriteOpen, content: Content): void {
    const { snapshotId, name } = open.image
    const kind = open.purpose === 'append' ? 'append' : 'write'
    const key = snapshotKey(this.#dialect, snapshotId)
    const replaces = this.#store.has(key, name)
    const whole =
      kind === 'append'
        ? this.#store.append(key, name, content)
        : this.#store.put(key, name, content)
    this.#log.debug(`${kind} ${imageName(open.image)}: ${content.size} bytes, ${whole.size} in all`)
    const openMode = forwardedMode(this.#dialect, kind, replaces)
    this.#forward({ snapshotId, name, openMode, size: whole.size }, kind, whole, content)
  }

  /**
   * Queues an image for the cache: whole, or only the new bytes of an append, as the dialect
   * requires.
   */
  #forward(header: RemoteImage, kind: 'write' | 'append', whole: Content, content: Content): void {
    const body = this.#dialect.appendForwardedAs === 'whole image' ? whole : content
    if (kind === 'append' && body === whole) this.#forwarder.supersede(header, body)
    else this.#forwarder.queue(header, body)
  }

  async #finishDump(): Promise<void> {
    this.#log.info('the dump is finished')
    this.#finishing = true
    this.#dumpFinished.resolve()
  }

  /**
   * Resolves at the clean end: the dump is finished, all images are forwarded, the link is closed
   * (E1).
   */
  async #run(local: LocalServer, unlessStopped: UnlessStopped): Promise<void> {
    const unlessLost = <T>(work: Promise<T>) =>
      unlessStopped(Promise.race([work, this.#forwarder.lost]))
    await unlessLost(this.#dumpFinished.promise)
    await unlessLost(local.settle())
    const lost = this.#imageLost ?? local.refused
    if (lost !== undefined) throw lost
    await unlessLost(this.#forwarder.finish())
  }

  #close(local: LocalServer, failure: RemoteError | undefined): void {
    if (failure !== undefined) this.#forwarder.abort()
    local.destroy()
  }
}
