import type { Socket } from 'node:net'
import { RemoteError } from '../proto/error.ts'
import { O_APPEND, type RemoteImage, remoteImage } from '../proto/messages.ts'
import { type Daemon, type DaemonOptions, live } from './daemon.ts'
import { dialect as dialectOf, isRestoreFinish, snapshotKey } from './dialect.ts'
import { silent } from './log.ts'
import { ContentBuilder } from './memory/content.ts'
import { ImageStore } from './memory/image-store.ts'
import { awaitLink } from './transport/link.ts'
import { answer, LocalServer, nameOf, type Open } from './transport/local-server.ts'
import { SocketReader } from './transport/socket-reader.ts'

/*
 * The image cache, on the node where the process is restored. Images arrive from the proxy over one TCP
 * connection and are served to CRIU's restore, which may be there first: a read of an image that has not come waits
 * while the connection is open (C2), or has yet to be made (C4), and is told 'no' when it closes (C3).
 * It ends when the restore said that it is finished and the connection is closed (E2).
 */

/** Listens on both sides; resolves when it is ready. Throws RemoteError if it can't. */
export async function startCache({
  socket,
  link: end,
  dialect: name = 'auto',
  maxMemory,
  log = silent,
}: DaemonOptions): Promise<Daemon> {
  const dialect = dialectOf(name)
  const store = new ImageStore(maxMemory)
  const restoreFinished = Promise.withResolvers<void>()
  const { link, address, close: closeListener } = await awaitLink(end)
  let linked: Socket | undefined
  let linkIsOpen = true

  const local = await LocalServer.listen(socket, log, serve).catch((thrown) => {
    closeListener()
    throw thrown
  })

  const daemon = live(
    async (unlessStopped) => {
      const received = receiveAll().then(
        () => undefined,
        (thrown) => RemoteError.from(thrown, 'receiving images'),
      )
      const failure = await unlessStopped(received)
      if (failure !== undefined) log.error(failure.message)
      await unlessStopped(restoreFinished.promise)
      await unlessStopped(local.settle())
      if (failure !== undefined) throw failure
    },
    () => {
      closeListener()
      linked?.destroy()
      store.abandonWaiters()
      local.destroy()
    },
  )
  return address === undefined ? daemon : { ...daemon, address }

  async function receiveAll(): Promise<void> {
    try {
      linked = await link
      log.info('the proxy is connected')
      const reader = new SocketReader(linked)
      for (
        let payload = await reader.frame();
        payload !== undefined;
        payload = await reader.frame()
      ) {
        await receive(reader, remoteImage.decode(payload))
      }
      log.info('the proxy closed the connection: all images are here')
      linked.end()
    } catch (thrown) {
      linked?.destroy()
      throw thrown
    } finally {
      linkIsOpen = false
      store.abandonWaiters()
    }
  }

  async function receive(reader: SocketReader, header: RemoteImage): Promise<void> {
    const key = snapshotKey(dialect, header.snapshotId)
    const adds = (header.openMode & O_APPEND) !== 0 && dialect.appendForwardedAs === 'new bytes'
    const size = adds ? header.size - (store.get(key, header.name)?.size ?? 0) : header.size
    const what = `receiving ${header.snapshotId}:${header.name}`
    if (size < 0)
      throw new RemoteError(
        'message-invalid',
        `${what}: expected a size of at least ${header.size - size}, since bytes are appended to it, got ${header.size}`,
      )
    const builder = new ContentBuilder()
    try {
      await reader.exactly(size, (piece) => {
        store.reserve(piece.length)
        builder.add(piece)
      })
    } catch (thrown) {
      store.release(builder.size)
      const failure = RemoteError.from(thrown, 'reading')
      throw new RemoteError(failure.code, `${what}: ${failure.message}; the image is dropped`, {
        cause: thrown,
      })
    }
    if (adds) store.append(key, header.name, builder.finish())
    else store.put(key, header.name, builder.finish())
    log.debug(`${what}: ${header.size} bytes`)
  }

  async function serve(open: Open): Promise<void> {
    const { snapshotId, name: image } = open.image
    if (open.purpose !== 'read')
      throw new RemoteError(
        'not-permitted',
        `opening ${nameOf(open)} to ${open.purpose}: a cache takes images from its proxy only`,
      )
    if (isRestoreFinish(dialect, snapshotId, image)) {
      log.info('the restore is finished')
      await answer(open, { chunks: [], size: 0 })
      return restoreFinished.resolve()
    }
    const key = snapshotKey(dialect, snapshotId)
    const content = store.get(key, image) ?? (linkIsOpen ? await store.wait(key, image) : undefined)
    log.debug(
      `read ${nameOf(open)}: ${content === undefined ? 'no such image' : `${content.size} bytes`}`,
    )
    await answer(open, content)
  }
}
