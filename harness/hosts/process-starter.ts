import { StringDecoder } from 'node:string_decoder'
import type { Connect, Connected } from './connected.ts'
import { type Completed, HostError, type HostProcess, lastLine, type StartOptions } from './host.ts'
import { Lines } from './lines.ts'

/*
 * The other end of harness/native/init.c, which has the format of what is said: a process that starts processes when asked, in
 * namespaces of its own, or in a virtual machine. One of them may be such a process again, so there is one stream to a machine and any
 * number of hosts in it.
 */

const WORD = 4
/** Of an event: id, kind, length. */
const HEADER = 3 * WORD
const PID = 'P'.charCodeAt(0)
const OUT = 'O'.charCodeAt(0)
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

export class Init {
  /** Resolves at its end. */
  readonly ended: Promise<void>
  readonly #connected: Connected
  readonly #started = new Map<number, Started>()
  #nextId = 1
  /** How it ended. */
  #end: string | undefined

  /** @param command makes the namespaces, if it is to have its own, and becomes the program. Throws HostError if it ends at once. */
  static async start(connect: Connect, command: readonly string[]): Promise<Init> {
    const first = Promise.withResolvers<void>()
    let left: Buffer = Buffer.alloc(0)
    let init: Init | undefined
    const connected = await connect(command, (bytes) => {
      left = Buffer.concat([left, bytes])
      if (init !== undefined) left = init.#take(left)
      first.resolve()
    })
    const early = connected.ended.then((how) => {
      throw new HostError(`making a host: ${how}`)
    })
    early.catch(() => {})
    await Promise.race([first.promise, early])
    init = new Init(connected)
    left = init.#take(left)
    return init
  }

  private constructor(connected: Connected) {
    this.#connected = connected
    this.ended = connected.ended.then((how) => {
      this.#end = how
      for (const { pid, exited, stdout, stderr } of this.#started.values()) {
        pid.resolve(0)
        exited.resolve({ code: 137, stdout: stdout.text, stderr: stderr.text || how })
      }
    })
  }

  /** Of the process that was started: where that makes namespaces, the parent of the program in them. */
  get holder(): number {
    return this.#connected.pid
  }

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
      kill: async (signal) => this.#say(id, SIGNALS[signal]),
    }
  }

  /** Starts a process that is talked to. */
  readonly connect: Connect = async (command, onOutput) => {
    const { id, started } = this.#ask(CONNECT, command, new Lines(), onOutput)
    return {
      pid: await started.pid.promise,
      write: (bytes) => this.#say(id, INPUT, bytes),
      ended: started.exited.promise.then(({ code, stderr }) => `exit ${code}: ${lastLine(stderr)}`),
      kill: async () => this.#say(id, SIGNALS.SIGKILL),
    }
  }

  /** Ends it, and with it everything that it started. */
  async stop(): Promise<void> {
    await this.#connected.kill()
    await this.ended
  }

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
    const [pid, exited] = [Promise.withResolvers<number>(), Promise.withResolvers<Completed>()]
    const started = {
      pid,
      exited,
      onOutput,
      stdout,
      stderr: new Lines(),
      stderrText: new StringDecoder('utf8'),
    }
    this.#started.set(id, started)
    const variables = Object.entries(environment).map(([name, value]) => `${name}=${value}`)
    this.#say(
      id,
      kind,
      Buffer.from(
        [workingDirectory, ...variables, '', ...command].map((word) => `${word}\0`).join(''),
      ),
    )
    return { id, started }
  }

  #say(id: number, request: number, rest: Buffer = Buffer.alloc(0)): void {
    const header = Buffer.alloc(HEADER)
    header.writeUInt32LE(2 * WORD + rest.length, 0)
    header.writeUInt32LE(id, WORD)
    header.writeUInt32LE(request, 2 * WORD)
    if (this.#end === undefined) this.#connected.write(Buffer.concat([header, rest]))
  }

  /** Takes all whole events; what is left. */
  #take(bytes: Buffer): Buffer {
    let rest = bytes
    while (rest.length >= HEADER && rest.length >= HEADER + rest.readUInt32LE(2 * WORD)) {
      const end = HEADER + rest.readUInt32LE(2 * WORD)
      this.#hear(rest.readUInt32LE(0), rest.readUInt32LE(WORD), rest.subarray(HEADER, end))
      rest = rest.subarray(end)
    }
    return rest
  }

  #hear(id: number, event: number, payload: Buffer): void {
    const started = this.#started.get(id)
    if (started === undefined) return
    const { pid, exited, onOutput, stdout, stderr, stderrText } = started
    if (event === PID) pid.resolve(payload.readInt32LE(0))
    else if (event === OUT) onOutput(payload)
    else if (event === ERRORS) stderr.add(stderrText.write(payload))
    else {
      this.#started.delete(id)
      exited.resolve({ code: payload.readInt32LE(0), stdout: stdout.text, stderr: stderr.text })
    }
  }
}
