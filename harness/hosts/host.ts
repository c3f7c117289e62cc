import type { RemoteError } from '../../reference/index.ts'
import type { HostCommands } from './checkout.ts'

/*
 * A host is the place where a proxy, a cache, CRIU and the target process run: this machine, a
 * container, namespaces, or any of them inside a guest. Scenarios see this interface only.
 */

export interface StartOptions {
  environment?: Record<string, string>
  workingDirectory?: string
  /** Called for each line of standard output as it arrives. */
  onLine?: (line: string) => void
}

export interface Completed {
  /** Exit code; 128 plus the signal's number if a signal ended the process, as in a shell. */
  code: number
  /** The last 64 Ki characters. */
  stdout: string
  /** The last 64 Ki characters. */
  stderr: string
}

/** A process on a host. */
export interface HostProcess {
  /** The pid in the host's own pid namespace. */
  pid: number
  /** Resolves at the end of the process; never rejects. */
  exited: Promise<Completed>
  /** Sends a signal; does nothing after the end of the process. */
  kill(signal: 'SIGTERM' | 'SIGKILL'): Promise<void>
}

export interface Host extends HostCommands {
  name: string
  /** The same object for all hosts of one kernel: a fact about a kernel is tested once. */
  kernel: object
  /** IP address at which the other host of a pair reaches this one. */
  address: string
  /** Whether the host has a pid namespace of its own. */
  ownPids: boolean
  /**
   * The /proc/PID of one process of the host, if this machine's /proc shows it. Listening sockets
   * of the host can then be read from this machine.
   */
  procDirectory?: string
  start(command: readonly string[], options?: StartOptions): Promise<HostProcess>
  /** Makes a private directory, on tmpfs if the host has one. `stop` removes it. */
  directory(): Promise<string>
  /** Returns a TCP port on which nothing listens; 0 if the host gives out none. */
  freePort(): Promise<number>
  /** Ends every process of the host and removes its directories. */
  stop(): Promise<void>
}

export interface RunOptions extends StartOptions {
  /** Deadline in ms. After it the process is killed and the run throws. */
  timeout?: number
}

/**
 * Runs a command to its end and returns its exit code and output. Throws HostError at the deadline.
 */
export async function run(
  host: Host,
  command: readonly string[],
  options: RunOptions = {},
): Promise<Completed> {
  const started = await host.start(command, options)
  const { timeout } = options
  if (timeout === undefined) return started.exited
  let late = false
  const timer = setTimeout(() => {
    late = true
    void started.kill('SIGKILL')
  }, timeout)
  const completed = await started.exited.finally(() => clearTimeout(timer))
  if (late)
    throw new HostError(
      `running ${command.join(' ')} on ${host.name}: expected it to end within ${timeout} ms`,
    )
  return completed
}

/**
 * Returns the standard output of a command. Throws HostError if it fails, with the last line of its
 * standard error.
 */
export async function output(
  host: Host,
  command: readonly string[],
  options: RunOptions = {},
): Promise<string> {
  const { code, stdout, stderr } = await run(host, command, options)
  if (code !== 0)
    throw new HostError(
      `running ${command.join(' ')} on ${host.name}: exit ${code}: ${lastLine(stderr)}`,
    )
  return stdout
}

/** Runs a shell script with parameters $1, $2 ... Returns and throws like `output`. */
export function shell(
  host: Host,
  script: string,
  parameters: readonly string[] = [],
  options: RunOptions = {},
): Promise<string> {
  return output(host, ['sh', '-c', script, 'sh', ...parameters], options)
}

/** Returns the bytes of a file of any size; undefined if the file cannot be read. */
export async function fileOn(host: Host, path: string): Promise<Buffer | undefined> {
  const lines: string[] = []
  const { code } = await run(host, ['base64', path], { onLine: (line) => lines.push(line) })
  return code === 0 ? Buffer.from(lines.join(''), 'base64') : undefined
}

/** The kernel of this machine, which its containers and namespaces share. */
export const thisKernel: object = {}

/** A failure of a host: trouble of the harness, never a verdict on an implementation. */
export class HostError extends Error {
  override name = 'HostError'

  /** Returns a HostError with a message of one line: the step that failed, then the cause. */
  static from(thrown: unknown, doing: string): HostError {
    const { message } = thrown as Error | RemoteError
    return new HostError(`${doing}: ${message ?? thrown}`.replaceAll('\n', ' '), { cause: thrown })
  }
}

/** Returns the last line of a text that is not blank. */
export function lastLine(text: string): string {
  return text.trimEnd().split('\n').at(-1)?.trim() ?? ''
}
