import { CommanderError } from 'commander'

/* Exit codes: 0 success, 1 the work itself failed, 2 wrong usage, 3 it could not be started or the harness failed. */

/** Ends the command with this exit code and a line on standard error. */
export class Failure extends Error {
  readonly exitCode: 1 | 2 | 3

  constructor(exitCode: 1 | 2 | 3, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'Failure'
    this.exitCode = exitCode
  }
}

/** For `.catch`: what was thrown becomes a failure with this exit code. */
export function fail(exitCode: 1 | 2 | 3): (thrown: unknown) => never {
  return (thrown) => {
    if (thrown instanceof Failure) throw thrown
    throw new Failure(exitCode, thrown instanceof Error ? thrown.message : String(thrown), {
      cause: thrown,
    })
  }
}

/** Prints why in one line and gives the exit code; a stack trace only where CRIU_REMOTE_DEBUG asks for it. */
export function report(thrown: unknown): number {
  if (thrown instanceof CommanderError) return thrown.exitCode === 0 ? 0 : 2
  const { message, stack } = thrown as Error
  const tail = (thrown as { cause?: { tail?: string } }).cause?.tail
  if (tail !== undefined) process.stderr.write(`${tail}\n`)
  process.stderr.write(`criu-remote: ${String(message).replaceAll('\n', ' ')}\n`)
  if (process.env['CRIU_REMOTE_DEBUG']) process.stderr.write(`${stack}\n`)
  return thrown instanceof Failure ? thrown.exitCode : 3
}
