import { readFile } from 'node:fs/promises'
import { setTimeout } from 'node:timers/promises'
import { execa } from 'execa'

/* Commands that use a mount from outside of the process that serves it: each has a deadline, and its output is kept. */

/** Limits of a command, and between two looks at what has no event, in ms. */
const DEADLINE = 20_000
const POLL = 2
/** Without a shim of a version manager, which costs a third of a second each time. */
const PATH = `/usr/sbin:/usr/bin:/sbin:/bin:${process.env['PATH']}`

/** A command that was started: its output so far, its end, and lines to its standard input. */
export interface Started {
  pid: number
  /** Resolves when the command printed `text`. */
  printed(text: string): Promise<void>
  /** Resolves when the command waits inside a request to a mount. */
  waiting(): Promise<void>
  tell(line: string): void
  kill(signal: NodeJS.Signals): void
  /** All that it printed, errors included; with the last line 'exit CODE' or 'killed by SIGNAL' unless it succeeded. */
  output: Promise<string>
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
  const output = child.then(({ all, exitCode, signal, timedOut }) => {
    const end = timedOut
      ? 'timed out'
      : signal !== undefined
        ? `killed by ${signal}`
        : exitCode === 0
          ? ''
          : `exit ${exitCode}`
    return [all, end].filter((part) => part !== '').join('\n')
  })
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

/** Whether a process is inside a request to a FUSE mount, as the kernel names the function that it sleeps in. */
async function isWaiting(pid: number): Promise<boolean> {
  const place = await readFile(`/proc/${pid}/wchan`, 'utf8').catch(() => '')
  return /fuse|request_wait/.test(place)
}

/** Resolves when `condition` does; the test's own time limit ends it otherwise. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await setTimeout(POLL)
}
