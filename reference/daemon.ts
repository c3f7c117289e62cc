import { RemoteError } from '../proto/error.ts'
import type { DialectName } from './dialect.ts'
import type { Log } from './log.ts'
import type { LinkEnd } from './transport/link.ts'

/** What a proxy or a cache is started with. */
export interface DaemonOptions {
  /** Path of the UNIX socket. */
  socket: string
  /** The other end of the connection between the two: for a proxy the cache's address, for a cache where to listen; or the connection. */
  link: LinkEnd
  dialect?: DialectName
  /** Limit of all images together, in bytes. */
  maxMemory?: number
  log?: Log
}

/** A proxy or cache that runs in this process. */
export interface Daemon {
  /** Resolves at the clean end of the migration, rejects with a RemoteError at any other end; all is closed by then. */
  finished: Promise<void>
  /** Where it listens for TCP, if it does. */
  address?: { host: string; port: number }
  /** Ends it now; `finished` then rejects with `interrupted`, unless the end had come. */
  stop(reason: string): Promise<void>
}

/** The life of a daemon: `run` until its end, its failure or a stop, whichever is first, then `close`. */
export function live(
  run: (unlessStopped: <T>(work: Promise<T>) => Promise<T>) => Promise<void>,
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
