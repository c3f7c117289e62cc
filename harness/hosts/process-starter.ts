import { StringDecoder } from 'node:string_decoder'
import { ByteQueue } from '../byte-queue.ts'
import type { Connect, Connected } from './connected.ts'
import { type Completed, HostError, type HostProcess, lastLine, type StartOptions } from './host.ts'
import { Lines } from './lines.ts'

/*
 * The client of harness/native/init.c, a small program that starts processes on request, in
 * namespaces of its own or in a guest. The format of requests and events is in its source.
 *
 * A process that init.c starts can be another init.c, so one stream to a machine serves any number
 * of hosts in it.
 */

/** Bytes of a number. */
const WORD = 4
/** Bytes of an event's header: id, kind, length. */
const HEADER = 3 * WORD
const PID = 'P'.charCodeAt(0)
const OUTPUT = 'O'.charCodeAt(0)
const ERRORS = 'E'.charCodeAt(0)
const START = 'S'.charCodeAt(0)
const CONNECT = 'C'.charCodeAt(0)
const INPUT = 'I'.charCodeAt(0)
const SIGNALS = { SIGTERM: 15, SIGKILL: 9 } as const

interface Started {
  pid: PromiseWithResolvers<number>
  exited: PromiseWithResolvers<Completed>
  onOutput: (bytes: Buffer) => void
  stdout: Lines
  stderr: Lines
  stderrText: StringDecoder
}

/** Starts processes through one init.c, and receives their output and their end. */
export class ProcessStarter {
  /** Resolves at the end of init.c. */
  readonly ended: Promise<void>
  readonly #connected: Connected
  readonly #events: ByteQueue
  readonly #started = new Map<number, Started>()
  #nextId = 1
  /** How init.c ended, in one line. */
  #end: string | undefined

  /**
   * Starts init.c and waits for its first event. Throws HostError if init.c ends before.
   *
   * @param command the path of init.c, compiled, after a command that makes its namespaces, if any.
   */
  static async start(connect: Connect, command: readonly string[]): Promise<ProcessStarter> {
    const first = Promise.withResolvers<void>()
    const events = new ByteQueue()
    let starter: ProcessStarter | undefined
    const connected = await connect(command, (bytes) => {
      events.push(bytes)
      if (starter !== undefined) starter.#takeEvents()
      first.resolve()
    })
    const early = connected.ended.then((how) => {
      throw new HostError(`making a host: ${how}`)
    })
    early.catch(() => {})
    await Promise.race([first.promise, early])
    starter = new ProcessStarter(connected, events)
    starter.#takeEvents()
    return starter
  }

  private constructor(connected: Connected, events: ByteQueue) {
    this.#connected = connected
    this.#events = events
    this.ended = connected.ended.then((how) => {
      this.#end = how
      for (const { pid, exited, stdout, stderr } of this.#started.values()) {
        pid.resolve(0)
        exited.resolve({ code: 137, stdout: stdout.text, stderr: stderr.text || how })
      }
    })
  }

  /**
   * Pid of the process of `command`. If `command` makes namespaces, that is the parent of init.c.
   */
  get holder(): number {
    return this.#connected.pid
  }

  /** Starts a process without standard input. Throws HostError after the end of init.c. */
  async start(
    command: readonly string[],
    { onLine, ...options }: StartOptions = {},
  ): Promise<HostProcess> {
    const stdout = new Lines(onLine)
    const text = new StringDecoder('utf8')
    const { id, started } = this.#ask(
      START,
      command,
      stdout,
      (bytes) => stdout.add(text.write(bytes)),
      options,
    )
    return {
      pid: await started.pid.promise,
      exited: started.exited.promise,
      kill: async (signal) => this.#send(id, SIGNALS[signal]),
    }
  }

  /** Starts a connected process. Throws HostError after the end of init.c. */
  readonly connect: Connect = async (command, onOutput) => {
    const { id, started } = this.#ask(CONNECT, command, new Lines(), onOutput)
    return {
      pid: await started.pid.promise,
      write: (bytes) => this.#send(id, INPUT, bytes),
      ended: started.exited.promise.then(({ code, stderr }) => `exit ${code}: ${lastLine(stderr)}`),
      kill: async () => this.#send(id, SIGNALS.SIGKILL),
    }
  }

  /** Ends init.c, and with it every process that it started. */
  async stop(): Promise<void> {
    await this.#connected.kill()
    await this.ended
  }

  /** Asks for a new process, and records it under a new id. */
  #ask(
    kind: number,
    command: readonly string[],
    stdout: Lines,
    onOutput: Started['onOutput'],
    { environment = {}, workingDirectory = '/' }: StartOptions = {},
  ): { id: number; started: Started } {
    if (this.#end !== undefined)
      throw new HostError(`starting ${command[0]}: the host has ended: ${this.#end}`)
    const id = this.#nextId++
    const started = {
      pid: Promise.withResolvers<number>(),
      exited: Promise.withResolvers<Completed>(),
      onOutput,
      stdout,
      stderr: new Lines(),
      stderrText: new StringDecoder('utf8'),
    }
    this.#started.set(id, started)
    const variables = Object.entries(environment).map(([name, value]) => `${name}=${value}`)
    const words = [workingDirectory, ...variables, '', ...command]
    this.#send(id, kind, Buffer.from(words.map((word) => `${word}\0`).join('')))
    return { id, started }
  }

  #send(id: number, request: number, rest: Buffer = Buffer.alloc(0)): void {
    const header = Buffer.alloc(HEADER)
    header.writeUInt32LE(2 * WORD + rest.length, 0)
    header.writeUInt32LE(id, WORD)
    header.writeUInt32LE(request, 2 * WORD)
    if (this.#end === undefined) this.#connected.write(Buffer.concat([header, rest]))
  }

  /** Handles every complete event; the bytes of an incomplete one stay in the queue. */
  #takeEvents(): void {
    for (;;) {
      const length = this.#events.peekUint32LE(2 * WORD)
      if (length === undefined || this.#events.length < HEADER + length) return
      const header = this.#events.take(HEADER)
      this.#handle(header.readUInt32LE(0), header.readUInt32LE(WORD), this.#events.take(length))
    }
  }

  #handle(id: number, event: number, payload: Buffer): void {
    const started = this.#started.get(id)
    if (started === undefined) return
    const { pid, exited, onOutput, stdout, stderr, stderrText } = started
    if (event === PID) pid.resolve(payload.readInt32LE(0))
    else if (event === OUTPUT) onOutput(payload)
    else if (event === ERRORS) stderr.add(stderrText.write(payload))
    else {
      this.#started.delete(id)
      exited.resolve({ code: payload.readInt32LE(0), stdout: stdout.text, stderr: stderr.text })
    }
  }
}
