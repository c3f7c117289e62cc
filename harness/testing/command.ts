import { readFile } from 'node:fs/promises'
import { setTimeout } from 'node:timers/promises'
import { execa } from 'execa'

/*
 * Commands that use a mount from outside the process that serves it. Each has a deadline, and its
 * output is kept.
 */

/** Time after which a command is killed, in ms. */
const DEADLINE = 20_000
/** Time between two checks of a condition that has no event, in ms. */
const POLL = 2
/**
 * System directories first: the shim of a version manager takes a third of a second for each
 * command.
 */
const PATH = `/usr/sbin:/usr/bin:/sbin:/bin:${process.env['PATH']}`

/** A command that was started. */
export interface Started {
  pid: number
  /** Resolves when the command has printed `text`. */
  printed(text: string): Promise<void>
  /** Resolves when the command waits inside a request to a mount. */
  waiting(): Promise<void>
  /** Writes a line to the command's standard input. */
  tell(line: string): void
  kill(signal: NodeJS.Signals): void
  /**
   * Resolves with all output, standard error included. Its last line is 'exit CODE' or 'killed by
   * SIGNAL' after a failure.
   */
  output: Promise<string>
}

/** The end of a command, as execa reports it. */
interface Completed {
  all: string
  exitCode?: number | undefined
  signal?: string | undefined
  timedOut: boolean
}

/** Starts a command in a directory. */
export function started(command: string, parameters: string[], cwd: string): Started {
  const child = execa(command, parameters, {
    cwd,
    env: { PATH, LC_ALL: 'C' },
    all: true,
    reject: false,
    timeout: DEADLINE,
    killSignal: 'SIGKILL',
  })
  const pid = child.pid as number
  let printed = ''
  child.all.on('data', (text) => {
    printed += text
  })
  const output = child.then(describeOutput)
  let ended = false
  void output.then(() => {
    ended = true
  })
  const unlessEnded = (expected: string, condition: () => boolean | Promise<boolean>) =>
    until(async () => {
      if (await condition()) return true
      if (ended)
        throw new Error(`expected the command to ${expected}, got its end: ${await output}`)
      return false
    })
  return {
    pid,
    output,
    printed: (text) => unlessEnded(`print ${text}`, () => printed.includes(text)),
    waiting: () => unlessEnded('wait for a mount', () => isWaiting(pid)),
    tell: (line) => void child.stdin.write(`${line}\n`),
    kill: (signal) => void child.kill(signal),
  }
}

function describeOutput({ all, exitCode, signal, timedOut }: Completed): string {
  const parts = [all]
  if (timedOut) parts.push('timed out')
  else if (signal !== undefined) parts.push(`killed by ${signal}`)
  else if (exitCode !== 0) parts.push(`exit ${exitCode}`)
  return parts.filter((part) => part !== '').join('\n')
}

/**
 * Whether a process waits inside a request to a FUSE mount: the kernel tells the function in which
 * it sleeps.
 */
async function isWaiting(pid: number): Promise<boolean> {
  const place = await readFile(`/proc/${pid}/wchan`, 'utf8').catch(() => '')
  return /fuse|request_wait/.test(place)
}

/** Resolves when `condition` is true. A test's own time limit ends the wait otherwise. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await setTimeout(POLL)
}
