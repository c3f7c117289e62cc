import { RemoteError } from '../proto/error.ts'
import type { DialectName } from './dialect.ts'
import type { Log } from './log.ts'
import type { LinkEnd } from './transport/link.ts'

/** Options of a proxy or a cache. */
export interface DaemonOptions {
  /** Path of the UNIX socket to listen on. */
  socket: string
  /** The link's other end: a proxy connects to this address, a cache listens on it. */
  link: LinkEnd
  dialect?: DialectName
  /** Limit of all images together, in bytes. */
  maxMemory?: number
  log?: Log
  /** Time, in ms, after which a finishing daemon resets a reader that takes nothing (E1b). */
  readerSilence?: number
}

/** A proxy or cache that runs in this process. */
export interface Daemon {
  /**
   * Resolves at the clean end of the migration, rejects with a RemoteError at any other end.
   * All sockets are closed by then.
   */
  finished: Promise<void>
  /** The TCP address of a cache that listens on one. */
  address?: { host: string; port: number }
  /** Ends the daemon now. `finished` rejects with `interrupted` unless the daemon ended before. */
  stop(reason: string): Promise<void>
}

/** Waits for `work`; rejects with `interrupted` if the daemon is stopped first. */
export type UnlessStopped = <T>(work: Promise<T>) => Promise<T>

/** Starts a daemon's life: `run` until it resolves, fails or is stopped, then `close`. */
export function live(
  run: (unlessStopped: UnlessStopped) => Promise<void>,
  close: (failure?: RemoteError) => void,
): Omit<Daemon, 'address'> {
  const stopped = Promise.withResolvers<never>()
  stopped.promise.catch(() => {})
  const finished = run((work) => Promise.race([work, stopped.promise])).then(
    () => close(),
    (thrown) => {
      const failure = RemoteError.from(thrown, 'running')
      close(failure)
      throw failure
    },
  )
  finished.catch(() => {})
  return {
    finished,
    async stop(reason) {
      stopped.reject(new RemoteError('interrupted', reason))
      await finished.catch(() => {})
    },
  }
}
