import { StringDecoder } from 'node:string_decoder'
import { execa } from 'execa'
import { type Completed, HostError, type HostProcess, type StartOptions } from './host.ts'
import { Lines } from './lines.ts'

/*
 * The other end of fixtures/programs/init.c, which has the format of what is said: a process 1 in namespaces of its own that starts
 * processes when asked.
 */

const WORD = 4
/** Of an event: id, kind, length. */
const HEADER = 3 * WORD
const PID = 'P'.charCodeAt(0)
const OUT = 'O'.charCodeAt(0)
const ERRORS = 'E'.charCodeAt(0)
const START = 'S'.charCodeAt(0)
const SIGNALS = { SIGTERM: 15, SIGKILL: 9 } as const

interface Started {
  pid: PromiseWithResolvers<number>
  exited: PromiseWithResolvers<Completed>
  stdout: Lines
  stderr: Lines
  stderrText: StringDecoder
  stdoutText: StringDecoder
}

export class Init {
  /** Resolves when it is there; rejects with HostError if it ends before. */
  readonly ready: Promise<void>
  /** Resolves at its end. */
  readonly ended: Promise<void>
  readonly #child
  readonly #started = new Map<number, Started>()
  #left = Buffer.alloc(0)
  #nextId = 1
  #over = false

  /** @param command makes the namespaces and becomes the program */
  constructor([file, ...parameters]: readonly [string, ...string[]]) {
    const ready = Promise.withResolvers<void>()
    this.ready = ready.promise
    this.#child = execa(file, parameters, { stdin: 'pipe', buffer: false, reject: false, cleanup: true, encoding: 'buffer' })
    const errors = new Lines()
    this.#child.stderr.on('data', (bytes: Buffer) => errors.add(bytes.toString()))
    this.#child.stdin.on('error', () => {})
    this.#child.stdout.on('data', (bytes: Buffer) => {
      ready.resolve()
      this.#take(bytes)
    })
    this.ended = this.#child.then(({ exitCode, signal }) => {
      this.#over = true
      ready.reject(new HostError(`making namespaces: ${signal ?? `exit ${exitCode}`}: ${errors.text.trim()}`))
      for (const { pid, exited, stdout, stderr } of this.#started.values()) {
        pid.resolve(0)
        exited.resolve({ code: 137, stdout: stdout.text, stderr: stderr.text })
      }
    })
    this.ready.catch(() => {})
  }

  /** Of the process that makes the namespaces, which has this program as its only child. */
  get holder(): number {
    return this.#child.pid as number
  }

  async start(command: readonly string[], { environment = {}, workingDirectory = '/', onLine }: StartOptions = {}): Promise<HostProcess> {
    const started: Started = {
      pid: Promise.withResolvers(),
      exited: Promise.withResolvers(),
      stdout: new Lines(onLine),
      stderr: new Lines(),
      stdoutText: new StringDecoder('utf8'),
      stderrText: new StringDecoder('utf8'),
    }
    const id = this.#nextId++
    if (this.#over) throw new HostError(`starting ${command[0]}: the host has ended`)
    this.#started.set(id, started)
    const variables = Object.entries(environment).map(([name, value]) => `${name}=${value}`)
    this.#ask(id, START, Buffer.from([workingDirectory, ...variables, '', ...command].map((word) => `${word}\0`).join('')))
    return {
      pid: await started.pid.promise,
      exited: started.exited.promise,
      kill: async (signal) => this.#ask(id, SIGNALS[signal]),
    }
  }

  /** Ends it, and with it everything that it started. */
  async stop(): Promise<void> {
    this.#child.kill('SIGKILL')
    await this.ended
  }

  #ask(id: number, request: number, rest = Buffer.alloc(0)): void {
    const header = Buffer.alloc(HEADER)
    header.writeUInt32LE(2 * WORD + rest.length, 0)
    header.writeUInt32LE(id, WORD)
    header.writeUInt32LE(request, 2 * WORD)
    if (!this.#over) this.#child.stdin.write(Buffer.concat([header, rest]))
  }

  #take(bytes: Buffer): void {
    let rest = Buffer.concat([this.#left, bytes])
    while (rest.length >= HEADER && rest.length >= HEADER + rest.readUInt32LE(2 * WORD)) {
      const end = HEADER + rest.readUInt32LE(2 * WORD)
      this.#hear(rest.readUInt32LE(0), rest.readUInt32LE(WORD), rest.subarray(HEADER, end))
      rest = rest.subarray(end)
    }
    this.#left = rest
  }

  #hear(id: number, event: number, payload: Buffer): void {
    const started = this.#started.get(id)
    if (started === undefined) return
    const { pid, exited, stdout, stderr, stdoutText, stderrText } = started
    if (event === PID) pid.resolve(payload.readInt32LE(0))
    else if (event === OUT) stdout.add(stdoutText.write(payload))
    else if (event === ERRORS) stderr.add(stderrText.write(payload))
    else {
      this.#started.delete(id)
      exited.resolve({ code: payload.readInt32LE(0), stdout: stdout.text, stderr: stderr.text })
    }
  }
}
