import { execa } from 'execa'
import { Lines } from './lines.ts'

/** A process that is talked to by its standard input and output. */
export interface Connected {
  /** In the pid namespace of whoever started it. */
  pid: number
  write(bytes: Buffer): void
  /** Resolves at its end, with how that was and what it said of it, in one line. */
  ended: Promise<string>
  kill(): Promise<void>
}

/** Starts such a process; `onOutput` is given the pieces of its standard output as they come. Throws HostError. */
export type Connect = (
  command: readonly string[],
  onOutput: (bytes: Buffer) => void,
) => Promise<Connected>

/** Starts it on this machine; it ends with this process. */
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
