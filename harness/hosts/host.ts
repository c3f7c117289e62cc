import type { RemoteError } from '../../reference/index.ts'
import type { HostCommands } from './checkout.ts'

/*
 * A host is where a proxy, a cache, CRIU and the process to migrate run: this machine, or a container. Scenarios
 * see this interface only.
 */

export interface StartOptions {
  environment?: Record<string, string>
  workingDirectory?: string
  /** Called for each line of standard output as it comes. */
  onLine?: (line: string) => void
}

export interface Completed {
  /** Exit code; 128 and the signal's number for a process that a signal ended, as a shell reports it. */
  code: number
  stdout: string
  /** The last 64 KiB. */
  stderr: string
}

/** A process on a host. */
export interface HostProcess {
  /** In the host's own pid namespace. */
  pid: number
  /** Resolves when it has ended; never rejects. */
  exited: Promise<Completed>
  /** Sends a signal; nothing if it has ended. */
  kill(signal: 'SIGTERM' | 'SIGKILL'): Promise<void>
}

export interface Host extends HostCommands {
  name: string
  /** Hosts that share a kernel have the same value: a fact about the kernel is found out once. */
  kernel: object
  /** IP address at which the other host of a pair reaches it. */
  address: string
  /** Whether pids here are its own, apart from this machine's. */
  ownPids: boolean
  /** The /proc/PID of a process of the host, where this machine has them: what listens there can then be seen from here. */
  procDirectory?: string
  start(command: readonly string[], options?: StartOptions): Promise<HostProcess>
  /** A fresh private directory in memory (tmpfs where the host has one), removed with the host. */
  directory(): Promise<string>
  freePort(): Promise<number>
  /** Ends everything that was started here and removes what was made. */
  stop(): Promise<void>
}

export interface RunOptions extends StartOptions {
  /** Deadline in ms; the process is killed and the run throws. */
  timeout?: number
}

/** Runs a command to its end, whatever its exit code. Throws at the deadline. */
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

/** Standard output of a command that must succeed; throws with its last line of errors if it does not. */
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

/** Runs a shell script with parameters $1, $2 ...; standard output, as `output`. */
export function shell(
  host: Host,
  script: string,
  parameters: readonly string[] = [],
  options: RunOptions = {},
): Promise<string> {
  return output(host, ['sh', '-c', script, 'sh', ...parameters], options)
}

/** The bytes of a file of any size; undefined if there is none. */
export async function fileOn(host: Host, path: string): Promise<Buffer | undefined> {
  const lines: string[] = []
  const { code } = await run(host, ['base64', path], { onLine: (line) => lines.push(line) })
  return code === 0 ? Buffer.from(lines.join(''), 'base64') : undefined
}

/** The kernel of this machine, which its containers and namespaces share. */
export const thisKernel: object = {}

/** Something that a host was asked for and can't do: harness trouble, never a verdict on an implementation. */
export class HostError extends Error {
  override name = 'HostError'

  static from(thrown: unknown, doing: string): HostError {
    const { message } = thrown as Error | RemoteError
    return new HostError(`${doing}: ${message ?? thrown}`.replaceAll('\n', ' '), { cause: thrown })
  }
}

/** The last line with text in it. */
export function lastLine(text: string): string {
  return text.trimEnd().split('\n').at(-1)?.trim() ?? ''
}
