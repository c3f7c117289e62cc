import { stat } from 'node:fs/promises'
import { type Dialect, type Log, RemoteError } from '../../reference/index.ts'
import { Files } from './files.ts'
import { mount, type Session } from './session.ts'

export interface MountOptions {
  /** An existing directory. */
  directory: string
  /** UNIX socket of a proxy (to dump) or of a cache (to restore). */
  server: string
  side: 'proxy' | 'cache'
  dialect: Dialect
  log: Log
  /** Called for each image that was written through the mount and taken by the proxy; size in bytes. */
  onWritten: (path: string, size: number) => void
  /** Beginning of a command that runs the rest of it in the mount namespace to mount in (nsenter); by default this process's own. */
  inside?: readonly string[]
}

/** Mounts the images of a proxy or cache; needs root and /dev/fuse. Throws RemoteError if it can't. */
export async function mountImages({ directory, inside = [], ...options }: MountOptions): Promise<Session> {
  const found = await stat(directory).catch(() => undefined)
  if (!found?.isDirectory()) throw new RemoteError('not-found', `mounting at ${directory}: expected a directory`)
  return mount(directory, inside, new Files(options), options.log)
}
