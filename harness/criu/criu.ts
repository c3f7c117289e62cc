import { type Host, lastLine, run, shell } from '../hosts/host.ts'
import { criuVariables } from './breakpoints.ts'

/* Runs criu on a host. Every error has the tail of criu's log. */

export type CriuAction = 'pre-dump' | 'dump' | 'restore'

export interface CriuRun {
  host: Host
  /** Path or name of the criu binary on the host. */
  criu: string
  /** Images directory, inside the mount. */
  images: string
  /** Directory for logs and statistics, outside the mount. */
  work: string
  options: readonly string[]
  environment?: Record<string, string>
  /** Deadline in ms. */
  timeout: number
}

/**
 * A failure of criu. The message has the last error of its log except the final 'FAILED' line;
 * `tail` has all errors and the last lines of the log.
 */
export class CriuError extends Error {
  override name = 'CriuError'
  readonly action: CriuAction
  /** Exit code; 128 plus the signal's number if a signal ended criu. */
  readonly code: number
  readonly tail: string

  constructor(
    action: CriuAction,
    host: Host,
    { code, end, tail }: { code: number; end: string; tail: string },
  ) {
    super(`criu ${action} on ${host.name}: ${end}: ${lastError(tail)}`)
    this.action = action
    this.code = code
    this.tail = tail
  }
}

/**
 * Prints the errors and the last 40 lines of a log $1. CRIU may log a hundred lines between an
 * error and its end.
 */
const TAIL = `awk '
/Error \\(/ { errors[NR] = $0 }
{ last[NR % 40] = $0 }
END {
  for (line = 1; line <= NR; line++)
    if (line > NR - 40) print last[line % 40]
    else if (line in errors) print errors[line]
}' "$1" 2>/dev/null || :`

/**
 * Runs a command after the log $0 of an earlier run is removed: a criu that fails before it opens
 * its log would otherwise be reported with the text of that run.
 */
const WITHOUT_OLD_LOG = 'rm -f "$0"; exec "$@"'

/** Exit code of a process that SIGKILL ended. */
const KILLED = 137

/** Runs criu. Throws CriuError if it fails or exceeds its deadline. */
export async function criu(
  action: CriuAction,
  { host, criu: binary, images, work, options, environment, timeout }: CriuRun,
): Promise<void> {
  const log = `${action}.log`
  const words = [binary, action, '-D', images, '-W', work, '-o', log, '-v4', ...options]
  const command = ['sh', '-c', WITHOUT_OLD_LOG, `${work}/${log}`, ...words]
  const failed = async (code: number, end: string, stderr = '') => {
    const tail = await shell(host, TAIL, [`${work}/${log}`])
    return new CriuError(action, host, { code, end, tail: tail.trim() === '' ? stderr : tail })
  }
  const variables = { ...(await criuVariables(host)), ...environment }
  const { code, stderr } = await run(host, command, { timeout, environment: variables }).catch(
    async () => {
      throw await failed(KILLED, `no end within ${timeout} ms`)
    },
  )
  if (code !== 0) throw await failed(code, `exit ${code}`, stderr)
}

/** Returns whether criu has a feature on the host's kernel, by `criu check --feature`. */
export async function hasFeature(host: Host, binary: string, feature: string): Promise<boolean> {
  const { code } = await run(host, [binary, 'check', '--feature', feature], { timeout: 20_000 })
  return code === 0
}

/** Returns the last error but one, since the last error only reports the failure. */
function lastError(tail: string): string {
  const errors = tail.split('\n').filter((line) => line.includes('Error'))
  return (errors.at(-2) ?? errors.at(-1) ?? lastLine(tail)).trim()
}
