import type { Server, Socket } from 'node:net'
import { RemoteError } from '../../proto/error.ts'
import { ENOENT, type LocalImage, localImage, localReply, purpose } from '../../proto/messages.ts'
import type { Log } from '../log.ts'
import type { Content } from '../memory/content.ts'
import { drained, sendContent } from './send.ts'
import { SocketReader } from './socket-reader.ts'
import { listenUnix } from './unix-socket.ts'

/*
 * The UNIX side of a proxy or cache (clauses L): every open of an image is a connection of its own.
 *
 * A connection is served by one async function from its header to its end; whatever goes wrong there ends that
 * connection with a logged reason and touches no other. Where the dump is finished, those that have begun may
 * still complete, but none may keep the daemon for ever: silence then has a limit.
 */

/** Silence after the end of the dump, in ms, before a connection without a whole header is dropped ... */
const HEADER_SILENCE = 200
/** ... and one in the middle of an image, whose sender or receiver may be busy. */
const IMAGE_SILENCE = 5_000

/** An open of an image: what was asked, and the connection to answer on. */
export interface Open {
  image: LocalImage
  purpose: 'read' | 'write' | 'append'
  socket: Socket
  reader: SocketReader
}

/** The image of an open, for logs. */
export const nameOf = ({ image }: Pick<Open, 'image'>) =>
  `${image.snapshotId || '(null)'}:${image.name}`

export class LocalServer {
  readonly #connections = new Map<Socket, 'header' | 'image'>()
  readonly #handle: (open: Open) => Promise<void>
  readonly #log: Log
  #server: Server | undefined
  #finishing = false
  #idle: (() => void) | undefined

  private constructor(log: Log, handle: (open: Open) => Promise<void>) {
    this.#log = log
    this.#handle = handle
  }

  /** Listens at `path` and gives every open to `handle`; an open ends when `handle` is done. */
  static async listen(
    path: string,
    log: Log,
    handle: (open: Open) => Promise<void>,
  ): Promise<LocalServer> {
    const server = new LocalServer(log, handle)
    server.#server = await listenUnix(path, (socket) => void server.#serve(socket))
    return server
  }

  /** Takes no new connection, and resolves when those that there are have ended or fallen silent. */
  async settle(): Promise<void> {
    this.#finishing = true
    this.#server?.close()
    for (const socket of this.#connections.keys()) this.#limitSilence(socket)
    while (this.#connections.size > 0) {
      await new Promise<void>((resolve) => {
        this.#idle = resolve
      })
    }
  }

  /** Ends everything at once and removes the socket file. */
  destroy(): void {
    this.#server?.close()
    for (const socket of this.#connections.keys()) socket.destroy()
  }

  async #serve(socket: Socket): Promise<void> {
    this.#connections.set(socket, 'header')
    socket.on('error', () => {})
    if (this.#finishing) this.#limitSilence(socket)
    try {
      const open = await readOpen(socket)
      if (open === undefined) return
      this.#connections.set(socket, 'image')
      if (this.#finishing) this.#limitSilence(socket)
      await this.#handle(open)
      close(socket)
    } catch (thrown) {
      const failure = RemoteError.from(thrown, 'serving a connection')
      if (failure.code === 'connection-lost') this.#log.info(failure.message)
      else this.#log.warn(failure.message)
      socket.destroy()
    } finally {
      this.#connections.delete(socket)
      if (this.#connections.size === 0) this.#idle?.()
    }
  }

  #limitSilence(socket: Socket): void {
    const limit = this.#connections.get(socket) === 'header' ? HEADER_SILENCE : IMAGE_SILENCE
    socket.removeAllListeners('timeout').setTimeout(limit, () => {
      socket.destroy(
        new RemoteError(
          'connection-lost',
          `the dump is finished and this client was silent for ${limit} ms`,
        ),
      )
    })
  }
}

/** Answers a read: the image and a close, or ENOENT and a close (L3, L4). */
export async function answer({ socket }: Open, content: Content | undefined): Promise<void> {
  socket.cork()
  socket.write(localReply.encode(content === undefined ? ENOENT : 0))
  if (content !== undefined) await sendContent(socket, content)
  socket.uncork()
  await drained(socket)
}

/** Where the kernel has every byte, the close alone tells the client of the end: a shutdown before it is one call more. */
function close(socket: Socket): void {
  if (socket.writableLength === 0) socket.destroy()
  else socket.destroySoon()
}

async function readOpen(socket: Socket): Promise<Open | undefined> {
  const reader = new SocketReader(socket)
  const payload = await reader.frame()
  if (payload === undefined) {
    socket.destroy()
    return undefined
  }
  const image = localImage.decode(payload)
  const wanted = purpose(image.openMode)
  if (wanted === undefined)
    throw new RemoteError(
      'not-permitted',
      `opening ${nameOf({ image })}: expected a read, write or append, got open mode ${image.openMode}`,
    )
  return { image, purpose: wanted, socket, reader }
}
