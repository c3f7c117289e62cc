import type { Socket } from 'node:net'
import { RemoteError } from '../proto/error.ts'
import { type RemoteImage, remoteImage } from '../proto/messages.ts'
import { type Daemon, type DaemonOptions, live, type UnlessStopped } from './daemon.ts'
import {
  addsToImage,
  type Dialect,
  dialect as dialectOf,
  isRestoreFinish,
  snapshotKey,
} from './dialect.ts'
import { imageName, type Log, silent } from './log.ts'
import type { Content } from './memory/content.ts'
import { ImageStore } from './memory/image-store.ts'
import { receiveImage } from './receive.ts'
import { awaitLink, type LinkListener } from './transport/link.ts'
import { answer, LocalServer, type Open, type ReadOpen } from './transport/local-server.ts'
import { SocketReader } from './transport/socket-reader.ts'

/*
 * The image cache runs on the node where the process is restored. It receives images from the proxy
 * over the link and serves them to CRIU's restore, which may start first. A read of an image that
 * has not arrived waits while the link is open (C2) or not yet made (C4), and gets ENOENT when the
 * link closes (C3). The cache ends when the restore is finished and the link is closed (E2).
 */

/** Listens for the proxy and on the UNIX socket. Throws RemoteError if either fails. */
export async function startCache({
  socket,
  link: end,
  dialect = 'auto',
  maxMemory,
  log = silent,
  readerSilence,
}: DaemonOptions): Promise<Daemon> {
  const listener = await awaitLink(end)
  const store = new ImageStore(maxMemory)
  const cache = new ImageCache(dialectOf(dialect), store, listener, log)
  const daemon = await cache.start(socket, readerSilence)
  return listener.address === undefined ? daemon : { ...daemon, address: listener.address }
}

class ImageCache {
  readonly #dialect: Dialect
  readonly #store: ImageStore
  readonly #listener: LinkListener
  readonly #log: Log
  readonly #restoreFinished = Promise.withResolvers<void>()
  #link: Socket | undefined
  #linkIsOpen = true

  constructor(dialect: Dialect, store: ImageStore, listener: LinkListener, log: Log) {
    this.#dialect = dialect
    this.#store = store
    this.#listener = listener
    this.#log = log
  }

  async start(socket: string, readerSilence?: number): Promise<Daemon> {
    const serve = (open: Open) => this.#serve(open)
    const local = await LocalServer.listen(socket, this.#log, serve, readerSilence).catch(
      (thrown) => {
        this.#listener.close()
        throw thrown
      },
    )
    return live(
      (unlessStopped) => this.#run(local, unlessStopped),
      () => this.#close(local),
    )
  }

  /**
   * Receives images until the link ends. Returns the failure of a link that did not end between two
   * images (W6, W7).
   */
  async #receiveAll(): Promise<RemoteError | undefined> {
    try {
      this.#link = await this.#listener.link
      this.#log.info('the proxy is connected')
      await this.#receiveImages(new SocketReader(this.#link))
      this.#log.info('the proxy closed the connection: all images are here')
      this.#link.end()
      return undefined
    } catch (thrown) {
      this.#link?.destroy()
      return RemoteError.from(thrown, 'receiving images')
    } finally {
      this.#linkIsOpen = false
      this.#store.abandonWaiters()
    }
  }

  async #receiveImages(reader: SocketReader): Promise<void> {
    for (
      let payload = await reader.frame();
      payload !== undefined;
      payload = await reader.frame()
    ) {
      await this.#receive(reader, remoteImage.decode(payload))
    }
  }

  async #receive(reader: SocketReader, header: RemoteImage): Promise<void> {
    const size = this.#bodySize(header)
    const content = await receiveImage(this.#store, header, (sink) => reader.exactly(size, sink))
    this.#complete(header, content)
  }

  /**
   * Returns the number of bytes after a header. Throws `message-invalid` if an append makes its
   * image smaller.
   */
  #bodySize(header: RemoteImage): number {
    if (!addsToImage(this.#dialect, header.openMode)) return header.size
    const key = snapshotKey(this.#dialect, header.snapshotId)
    const before = this.#store.get(key, header.name)?.size ?? 0
    if (header.size >= before) return header.size - before
    throw new RemoteError(
      'message-invalid',
      `receiving ${imageName(header)}: expected a size of at least ${before}, since bytes are appended to it, got ${header.size}`,
    )
  }

  /** Stores a complete image, which answers the reads that wait for it (C2). */
  #complete(header: RemoteImage, content: Content): void {
    const key = snapshotKey(this.#dialect, header.snapshotId)
    const adds = addsToImage(this.#dialect, header.openMode)
    if (adds) this.#store.append(key, header.name, content)
    else this.#store.put(key, header.name, content)
    this.#log.debug(`receiving ${imageName(header)}: ${header.size} bytes`)
  }

  #serve(open: Open): Promise<void> {
    if (open.purpose !== 'read') return this.#refuse(open)
    if (isRestoreFinish(this.#dialect, open.image)) return this.#finishRestore(open)
    return this.#serveRead(open)
  }

  async #refuse({ image, purpose }: Open): Promise<void> {
    throw new RemoteError(
      'not-permitted',
      `opening ${imageName(image)} to ${purpose}: a cache takes images from its proxy only`,
    )
  }

  async #serveRead(open: ReadOpen): Promise<void> {
    const { snapshotId, name } = open.image
    const key = snapshotKey(this.#dialect, snapshotId)
    const content =
      this.#store.get(key, name) ??
      (this.#linkIsOpen ? await this.#store.wait(key, name, open.untilLeft()) : undefined)
    const found = content === undefined ? 'no such image' : `${content.size} bytes`
    this.#log.debug(`read ${imageName(open.image)}: ${found}`)
    await answer(open, content)
  }

  /** Answers the request with an empty image, for which a CRIU of 2017 waits. */
  async #finishRestore(open: Open): Promise<void> {
    this.#log.info('the restore is finished')
    await answer(open, { chunks: [], size: 0 })
    this.#restoreFinished.resolve()
  }

  /**
   * Resolves at the clean end: the link is closed between two images and the restore is finished
   * (E2).
   */
  async #run(local: LocalServer, unlessStopped: UnlessStopped): Promise<void> {
    const failure = await unlessStopped(this.#receiveAll())
    if (failure !== undefined) this.#log.error(failure.message)
    await unlessStopped(this.#restoreFinished.promise)
    await unlessStopped(local.settle())
    if (failure !== undefined) throw failure
  }

  #close(local: LocalServer): void {
    this.#listener.close()
    this.#link?.destroy()
    this.#store.abandonWaiters()
    local.destroy()
  }
}
