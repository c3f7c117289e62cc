/** Why a connection or a migration ended other than cleanly. A closed set: tests and reports rely on it. */
export type ErrorCode =
  | 'frame-too-large'
  | 'frame-truncated'
  | 'message-invalid'
  | 'name-too-long'
  | 'image-truncated'
  | 'not-permitted'
  | 'not-found'
  | 'memory-exhausted'
  | 'connection-lost'
  | 'socket-in-use'
  | 'interrupted'
  | 'internal'

/** The one error class of the protocol and the reference. The message is one line: what was done, to what, expected and got. */
export class RemoteError extends Error {
  readonly code: ErrorCode

  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'RemoteError'
    this.code = code
  }

  /** Any thrown value as a RemoteError, cause kept; system errors of a socket become `connection-lost`. */
  static from(thrown: unknown, doing: string): RemoteError {
    if (thrown instanceof RemoteError) return thrown
    const text = thrown instanceof Error ? thrown.message : String(thrown)
    const code = isSystemError(thrown) ? 'connection-lost' : 'internal'
    return new RemoteError(code, `${doing}: ${text}`, { cause: thrown })
  }
}

/** Whether Node raised this for a failed system call, optionally for that errno name. */
export function isSystemError(thrown: unknown, errno?: string): thrown is NodeJS.ErrnoException {
  if (!(thrown instanceof Error) || !('syscall' in thrown) || !('code' in thrown)) return false
  return errno === undefined || thrown.code === errno
}
