import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import {
  type LocalImage,
  localImage,
  O_APPEND,
  O_RDONLY,
  O_WRONLY,
  type RemoteImage,
  remoteImage,
} from '../../proto/messages.ts'
import { startCache } from '../../reference/cache.ts'
import type { Daemon, DaemonOptions } from '../../reference/daemon.ts'
import { createLog } from '../../reference/log.ts'
import { startProxy } from '../../reference/proxy.ts'
import { listenOnce, Peer, type Scope } from './peer.ts'

/*
 * For tests of the reference: daemons in private directories, and peers that send any bytes at any
 * time. The teardown of a test ends the daemons and peers that the test started.
 */

/** Starts a proxy; the test plays the cache as the peer `link`. */
export async function proxyAlone(t: Scope, options: Partial<DaemonOptions> = {}) {
  const { address, connection } = await listenOnce(t)
  const started = await start(t, (common) => startProxy({ ...common, link: address, ...options }))
  return { ...started, socket: options.socket ?? started.socket, link: await connection }
}

/**
 * Starts a cache without a proxy. `linkUp` makes the link and returns its peer, with which the test
 * plays the proxy.
 */
export async function cacheAlone(t: Scope, options: Partial<DaemonOptions> = {}) {
  const started = await start(t, (common) =>
    startCache({ ...common, link: { host: '127.0.0.1', port: 0 }, ...options }),
  )
  const address = started.daemon.address as { host: string; port: number }
  return {
    ...started,
    socket: options.socket ?? started.socket,
    address,
    linkUp: () => linkTo(t, address),
  }
}

/** Starts a proxy and a cache with a link between them. */
export async function pair(t: Scope, options: Pick<DaemonOptions, 'dialect' | 'maxMemory'> = {}) {
  const cache = await cacheAlone(t, options)
  const proxy = await start(t, (common) =>
    startProxy({ ...common, link: cache.address, ...options }),
  )
  return { proxy, cache }
}

/** Connects to a UNIX socket, as CRIU does. */
export async function client(t: Scope, socket: string): Promise<Peer> {
  return connected(t, connect({ path: socket, allowHalfOpen: true }))
}

/** Connects to a cache, as a proxy does. */
export function linkTo(t: Scope, { host, port }: { host: string; port: number }): Promise<Peer> {
  return connected(t, connect({ host, port, allowHalfOpen: true }))
}

/** Begins to write an image: sends the header and `bytes`. */
export async function writing(
  t: Scope,
  socket: string,
  image: Partial<LocalImage>,
  bytes: string | Buffer = '',
): Promise<Peer> {
  return (await client(t, socket)).send(header({ openMode: O_WRONLY, ...image }), bytes)
}

/** Begins to read an image: sends the header. */
export async function reading(t: Scope, socket: string, image: Partial<LocalImage>): Promise<Peer> {
  return (await client(t, socket)).send(header({ openMode: O_RDONLY, ...image }))
}

/** Writes a whole image. Resolves when the daemon has taken it. */
export async function write(
  t: Scope,
  socket: string,
  image: Partial<LocalImage>,
  bytes: string | Buffer,
): Promise<void> {
  const peer = (await writing(t, socket, image, bytes)).end()
  if ((await peer.rest()).length > 0) throw new Error('expected no reply to a write')
}

/** Appends to an image. Resolves when the daemon has taken the bytes. */
export const append = (
  t: Scope,
  socket: string,
  image: Partial<LocalImage>,
  bytes: string | Buffer,
) => write(t, socket, { openMode: O_APPEND, ...image }, bytes)

/** Reads an image. Returns its bytes, or the errno of the reply. */
export async function read(
  t: Scope,
  socket: string,
  image: Partial<LocalImage>,
): Promise<string | number> {
  const { error, bytes } = await (await reading(t, socket, image)).answer()
  if (error !== 0 && bytes.length > 0) throw new Error(`expected no bytes after errno ${error}`)
  return error === 0 ? bytes.toString() : error
}

/** Returns the header of a connection, with defaults for missing fields. */
export function header(image: Partial<LocalImage>): Buffer {
  return localImage.encode({ name: 'a', snapshotId: 's', openMode: O_RDONLY, ...image })
}

/** Returns a forwarded image: header and body. The default of `size` is the size of the body. */
export function onLink(image: Partial<RemoteImage>, body: string | Buffer = ''): Buffer {
  const bytes = Buffer.from(body)
  return Buffer.concat([
    remoteImage.encode({
      name: 'a',
      snapshotId: 's',
      openMode: O_WRONLY,
      size: bytes.length,
      ...image,
    }),
    bytes,
  ])
}

/** Makes a private directory, which the teardown removes. */
export async function directory(t: Scope): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'reference-'))
  t.teardown(() => rm(path, { recursive: true }))
  return path
}

/** Starts a daemon. `logged` resolves when a line of its log matches. */
async function start(
  t: Scope,
  begin: (common: { socket: string; log: DaemonOptions['log'] & object }) => Promise<Daemon>,
) {
  const lines: string[] = []
  const socket = join(await directory(t), 'img.sock')
  const daemon = await begin({ socket, log: createLog('debug', (line) => lines.push(line)) })
  t.teardown(() => daemon.stop('the test is over'))
  const logged = async (pattern: RegExp) => {
    while (!lines.some((line) => pattern.test(line))) await setImmediate()
  }
  return { daemon, socket, logged }
}

async function connected(t: Scope, socket: Socket): Promise<Peer> {
  const peer = new Peer(t, socket)
  await once(socket, 'connect')
  return peer
}
