import { execa } from 'execa'
import { Lines } from './lines.ts'

/** A process that exchanges messages with this process over its standard input and output. */
export interface Connected {
  /** The pid in the pid namespace of the process's parent. */
  pid: number
  write(bytes: Buffer): void
  /** Resolves at the end of the process with one line: its exit code or signal, and its stderr. */
  ended: Promise<string>
  kill(): Promise<void>
}

/**
 * Starts a connected process; `onOutput` gets each piece of its standard output. Throws HostError.
 */
export type Connect = (
  command: readonly string[],
  onOutput: (bytes: Buffer) => void,
) => Promise<Connected>

/** Starts a connected process on this machine. The process ends with this one. */
export const connectHere: Connect = async ([file = '', ...parameters], onOutput) => {
  const child = execa(file, parameters, {
    stdin: 'pipe',
    buffer: false,
    reject: false,
    cleanup: true,
    encoding: 'buffer',
  })
  const errors = new Lines()
  child.stderr.on('data', (bytes: Buffer) => errors.add(bytes.toString()))
  child.stdin.on('error', () => {})
  child.stdout.on('data', onOutput)
  return {
    pid: child.pid ?? 0,
    write: (bytes) => void child.stdin.write(bytes),
    ended: child.then(
      ({ exitCode, signal }) => `${signal ?? `exit ${exitCode}`}: ${errors.text.trim()}`,
    ),
    kill: async () => void child.kill('SIGKILL'),
  }
}
