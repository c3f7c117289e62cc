import { once } from 'node:events'
import { constants } from 'node:os'
import type { Readable } from 'node:stream'
import { setTimeout as pause, setImmediate } from 'node:timers/promises'
import { execa } from 'execa'
import { type Completed, HostError, type HostProcess, type StartOptions } from './host.ts'
import { Lines } from './lines.ts'

/*
 * The exit of a process is its end, not the end of its pipes: a child of the process may hold them
 * open for as long as it likes. The output of the process itself is in the pipes when it exits, so
 * they are read until they are closed or empty. The rejected alternative, to wait for their close
 * for some time, either loses output on a busy machine or delays every case.
 */

/** Interval in which an empty pipe brings nothing, in ms. */
const QUIET = 20
/** How many intervals a pipe is read after the exit, if other processes still write to it. */
const ROUNDS = 25

export interface LocalStart extends StartOptions {
  /** Whether the process leads a process group of its own, which `kill` ends as a whole. */
  ownGroup?: boolean
}

/** Starts a process on this machine. Throws HostError. */
export async function startLocal(
  [file, ...parameters]: readonly string[],
  { environment, workingDirectory, onLine, ownGroup = false }: LocalStart,
): Promise<HostProcess> {
  if (file === undefined) throw new HostError('starting a program: expected a command, got none')
  const child = execa(file, parameters, {
    stdin: 'ignore',
    buffer: false,
    reject: false,
    // A process of its own group is left to the host, which removes it at a signal as well.
    cleanup: !ownGroup,
    detached: ownGroup,
    ...(environment && { env: environment }),
    ...(workingDirectory !== undefined && { cwd: workingDirectory }),
  })
  if (child.pid === undefined) {
    const cause = (await child) as unknown as Error & { originalMessage?: string }
    const reason = cause.originalMessage ?? 'it could not be started'
    throw new HostError(`starting ${file}: ${reason}`, { cause })
  }
  const ended = new Promise<number>((resolve) =>
    child.nodeChildProcess.once('exit', (code, signal) => resolve(code ?? codeOf(signal))),
  )
  const stdout = new Lines(onLine)
  const stderr = new Lines()
  child.stdout.setEncoding('utf8').on('data', (text: string) => stdout.add(text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => stderr.add(text))
  const exited = ended.then(async (code): Promise<Completed> => {
    await readRest([child.stdout, child.stderr])
    return { code, stdout: stdout.text, stderr: stderr.text }
  })
  return { pid: child.pid, exited, kill: async (signal) => void child.kill(signal) }
}

/** Returns the exit code of a process that a signal ended, as a shell reports it. */
const codeOf = (signal: NodeJS.Signals | null) =>
  128 + (signal === null ? 0 : constants.signals[signal])

/** Reads the pipes of a process that has exited until they are closed or empty; closes them. */
async function readRest(pipes: readonly Readable[]): Promise<void> {
  const closed = Promise.all(pipes.map((pipe) => pipe.closed || once(pipe, 'close')))
  const quiet = new AbortController()
  await Promise.race([closed, untilQuiet(pipes, quiet.signal)])
  quiet.abort()
  for (const pipe of pipes) pipe.destroy()
}

/** Waits until an interval has passed in which no pipe brought anything. */
async function untilQuiet(pipes: readonly Readable[], signal: AbortSignal): Promise<void> {
  let news = true
  for (const pipe of pipes)
    pipe.on('data', () => {
      news = true
    })
  for (let round = 0; news && !signal.aborted && round < ROUNDS; round++) {
    news = false
    await pause(QUIET)
    // A late timer comes before the data that has waited with it: the poll for data comes next.
    await setImmediate()
  }
}
