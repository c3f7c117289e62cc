import { AsyncLocalStorage } from 'node:async_hooks'

/*
 * Trouble of the suite's own process is never a fault of the implementation. It can come up
 * anywhere in a case, where the case may take it for an act of the implementation: a connection
 * that this process has no descriptor for looks like a refused one. So it is noted for the case in
 * whose asynchronous context it comes up, and the case decides nothing.
 */

/** The resources that an error of the system says are used up. */
const lacking: Record<string, string> = {
  EMFILE: 'this process has no file descriptor left',
  ENFILE: 'this machine has no file descriptor left',
  ENOMEM: 'this machine has no memory left',
  ENOBUFS: 'this machine has no buffer left for a socket',
  ENOSPC: 'the file system is full',
  EDQUOT: 'the quota of the file system is used up',
  EADDRNOTAVAIL: 'this machine has no such address, or no port left',
}

interface Scope {
  /** A rejection that no code awaited: it counts as if the case had thrown it. */
  stray?: { thrown: unknown }
  trouble?: string
}

const scopes = new AsyncLocalStorage<Scope>()

/** Runs a case in a scope of its own; returns its value, and the errors that came up beside it. */
export async function inScope<T>(work: () => Promise<T>): Promise<Scope & { value: T }> {
  const scope: Scope = {}
  const value = await scopes.run(scope, work)
  return { ...scope, value }
}

/** Returns the resource that the suite lacks, with the error; undefined for any other error. */
export function troubleOf(thrown: unknown): string | undefined {
  const { code = '', message, cause } = Object(thrown) as NodeJS.ErrnoException
  const resource = lacking[code]
  if (resource !== undefined) return `${resource} (${message})`
  return cause === undefined ? undefined : troubleOf(cause)
}

/** Notes an error of the suite's own process for the case that runs; ignores any other error. */
export function noteTrouble(thrown: unknown): void {
  const scope = scopes.getStore()
  const trouble = troubleOf(thrown)
  if (scope !== undefined && trouble !== undefined) scope.trouble ??= trouble
}

/** Keeps an error that no code caught for the case that caused it. Throws it if no case did. */
export function keepStray(thrown: unknown): void {
  const scope = scopes.getStore()
  if (scope === undefined) throw thrown
  noteTrouble(thrown)
  scope.stray ??= { thrown }
}
