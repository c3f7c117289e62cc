import { CommanderError } from 'commander'
import { printable } from '../printable.ts'

/*
 * Exit codes: 0 success, 1 the work itself failed, 2 wrong usage, 3 the work did not start or the
 * harness failed.
 */

/** Ends the command with an exit code and a line on standard error. */
export class Failure extends Error {
  readonly exitCode: 1 | 2 | 3

  constructor(exitCode: 1 | 2 | 3, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'Failure'
    this.exitCode = exitCode
  }
}

/**
 * Returns a function for `.catch` that throws a Failure with the exit code and the error's message.
 */
export function fail(exitCode: 1 | 2 | 3): (thrown: unknown) => never {
  return (thrown) => {
    if (thrown instanceof Failure) throw thrown
    throw new Failure(exitCode, thrown instanceof Error ? thrown.message : String(thrown), {
      cause: thrown,
    })
  }
}

/**
 * Prints the reason of a failure in one line and returns the exit code. Prints a stack trace as
 * well if CRIU_REMOTE_DEBUG is set.
 */
export function report(thrown: unknown): number {
  if (thrown instanceof CommanderError) return thrown.exitCode === 0 ? 0 : 2
  const { message, stack } = thrown as Error
  const tail = (thrown as { cause?: { tail?: string } }).cause?.tail
  if (tail !== undefined) process.stderr.write(`${printable(tail)}\n`)
  process.stderr.write(`criu-remote: ${printable(String(message).replaceAll('\n', ' '))}\n`)
  if (process.env['CRIU_REMOTE_DEBUG']) process.stderr.write(`${stack}\n`)
  return thrown instanceof Failure ? thrown.exitCode : 3
}
