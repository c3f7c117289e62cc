import { RemoteError } from '../proto/error.ts'
import { type Daemon, type DaemonOptions, live } from './daemon.ts'
import { dialect as dialectOf, forwardedMode, isDumpFinish, snapshotKey } from './dialect.ts'
import { silent } from './log.ts'
import { ContentBuilder } from './memory/content.ts'
import { ImageStore } from './memory/image-store.ts'
import { Forwarder } from './transport/forwarder.ts'
import { openLink } from './transport/link.ts'
import { answer, LocalServer, nameOf, type Open } from './transport/local-server.ts'

/*
 * The image proxy, on the node where the process runs. CRIU's pre-dumps and dump write images to it over UNIX
 * connections; each image, once its writer closed, is kept for the increments that follow and forwarded to the
 * cache. It answers reads of what it holds, and 'no' at once to all others (P1). It lives from the first
 * pre-dump to the end of the dump (E3), which the dump announces (E1).
 */

/** Connects to the cache, then listens; resolves when it is ready. Throws RemoteError if either can't be done. */
export async function startProxy({
  socket,
  link: end,
  dialect: name = 'auto',
  maxMemory,
  log = silent,
}: DaemonOptions): Promise<Daemon> {
  const dialect = dialectOf(name)
  const store = new ImageStore(maxMemory)
  const link = await openLink(end)
  const forwarder = new Forwarder(link, log)
  const dumpFinished = Promise.withResolvers<void>()
  let finishing = false
  /** Why an image is missing whose client could not know (there is no reply to a write): then no end is clean. */
  let imageLost: RemoteError | undefined

  const local = await LocalServer.listen(socket, log, serve).catch((thrown) => {
    forwarder.abort()
    throw thrown
  })

  return live(
    async (unlessStopped) => {
      const unlessLost = <T>(work: Promise<T>) =>
        unlessStopped(Promise.race([work, forwarder.lost]))
      await unlessLost(dumpFinished.promise)
      await unlessLost(local.settle())
      if (imageLost !== undefined) throw imageLost
      await unlessLost(forwarder.finish())
    },
    (failure) => {
      if (failure !== undefined) forwarder.abort()
      local.destroy()
    },
  )

  async function serve(open: Open): Promise<void> {
    const { snapshotId, name: image } = open.image
    if (open.purpose === 'read') return serveRead(open)
    if (isDumpFinish(dialect, snapshotId, image)) {
      log.info('the dump is finished')
      finishing = true
      return dumpFinished.resolve()
    }
    await receive(open)
  }

  async function serveRead(open: Open): Promise<void> {
    const { snapshotId, name: image } = open.image
    const content = store.get(snapshotKey(dialect, snapshotId), image)
    log.debug(
      `read ${nameOf(open)}: ${content === undefined ? 'no such image' : `${content.size} bytes`}`,
    )
    await answer(open, content)
  }

  async function receive(open: Open): Promise<void> {
    const builder = new ContentBuilder()
    try {
      await open.reader.rest((piece) => {
        store.reserve(piece.length)
        builder.add(piece)
      })
    } catch (thrown) {
      store.release(builder.size)
      const failure = RemoteError.from(thrown, 'receiving')
      const text = `receiving ${nameOf(open)}: ${failure.message}, after ${builder.size} bytes; the image is dropped`
      const dropped = new RemoteError(failure.code, text, { cause: thrown })
      if (finishing || failure.code === 'memory-exhausted') imageLost ??= dropped
      throw dropped
    }
    complete(open, builder)
  }

  function complete(open: Open, builder: ContentBuilder): void {
    const { snapshotId, name: image } = open.image
    const kind = open.purpose === 'append' ? 'append' : 'write'
    const key = snapshotKey(dialect, snapshotId)
    const content = builder.finish()
    const replaces = store.has(key, image)
    const whole =
      kind === 'append' ? store.append(key, image, content) : store.put(key, image, content)
    const body = dialect.appendForwardedAs === 'whole image' ? whole : content
    log.debug(`${kind} ${nameOf(open)}: ${content.size} bytes, ${whole.size} in all`)
    const header = {
      snapshotId,
      name: image,
      openMode: forwardedMode(dialect, kind, replaces),
      size: whole.size,
    }
    if (kind === 'append' && body === whole) forwarder.supersede(header, body)
    else forwarder.queue(header, body)
  }
}
