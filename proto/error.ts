/**
 * Reasons why a connection or a migration did not end cleanly. A closed set, on which tests and
 * reports rely.
 */
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

/**
 * The only error class of the protocol and the reference. Its message is one line: action, object,
 * expected and got.
 */
export class RemoteError extends Error {
  readonly code: ErrorCode

  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'RemoteError'
    this.code = code
  }

  /**
   * Returns a thrown value as a RemoteError with the value as its cause. System errors become
   * `connection-lost`.
   */
  static from(thrown: unknown, action: string): RemoteError {
    if (thrown instanceof RemoteError) return thrown
    const text = thrown instanceof Error ? thrown.message : String(thrown)
    const code = isSystemError(thrown) ? 'connection-lost' : 'internal'
    return new RemoteError(code, `${action}: ${text}`, { cause: thrown })
  }
}

/**
 * Whether a thrown value is Node's error for a failed system call, optionally with the given errno
 * name.
 */
export function isSystemError(thrown: unknown, errno?: string): thrown is NodeJS.ErrnoException {
  if (!(thrown instanceof Error) || !('syscall' in thrown) || !('code' in thrown)) return false
  return errno === undefined || thrown.code === errno
}
