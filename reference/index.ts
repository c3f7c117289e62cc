/*
 * The exports of the reference for the harness.
 *
 * To learn the protocol, read proxy.ts and then cache.ts: each follows an image from its arrival to
 * the end of the daemon. transport/ has the sockets, memory/ the storage of images, and client.ts
 * is CRIU's side.
 */
export { RemoteError } from '../proto/error.ts'
export { startCache } from './cache.ts'
export {
  endWrite,
  openRead,
  openWrite,
  pullSnapshots,
  pushSnapshot,
  type Reading,
  readImage,
} from './client.ts'
export type { Daemon } from './daemon.ts'
export { type Dialect, type DialectName, dialect, dialectNames } from './dialect.ts'
export { createLog, type Log, type LogLevel, logLevels } from './log.ts'
export { startProxy } from './proxy.ts'
export type { LinkEnd } from './transport/link.ts'
