import type { Dialect, Log } from '../../reference/index.ts'
import type { OpenDevice } from './device.ts'
import { Files } from './files.ts'
import { mount, type Session } from './session.ts'

export interface MountOptions {
  /** Mounts at a directory. */
  device: OpenDevice
  /** UNIX socket of a proxy (to dump) or of a cache (to restore). */
  server: string
  side: 'proxy' | 'cache'
  dialect: Dialect
  log: Log
  /** Called for each image that was written through the mount and taken by the proxy; size in bytes. */
  onWritten: (path: string, size: number) => void
}

/** Mounts the images of a proxy or cache; needs root and /dev/fuse. Throws RemoteError if it can't. */
export function mountImages({ device, ...options }: MountOptions): Promise<Session> {
  return mount(device, new Files(options), options.log)
}
