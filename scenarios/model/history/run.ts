import {
  type Answer,
  type Connection,
  type DaemonContext,
  describe,
  LIST,
  MORE_THAN_A_LINK_HOLDS,
  snapshotEntry,
  someBytes,
  Violation,
} from '../../../harness/conformance/index.ts'
import type { SideName, Step } from '../steps.ts'
import type { Moment } from './history.ts'
import type { Place, Sink } from './place.ts'
import { type Image, nameOfWrite, type RecordedWrite, Recording } from './recording.ts'

/*
 * A run takes random steps at a place and records the history; at its end the history is judged. A
 * step does not wait for the daemon, unless it is a read that says so, so operations overlap. In a
 * stop no step waits, and all that was begun races when the daemon goes on. Inside a stop the order
 * of the system calls is that of the steps, in each run of the seed; elsewhere the timing of the
 * daemon differs from run to run, so a replay by the seed may need a few runs.
 *
 * A run ends with an image that is sent after all others, and with a read of every image at each
 * side. With a finish it ends with the end of the link instead, and with the exits.
 */

/** Bytes that a client may have sent in a stop: a UNIX socket holds 200 KiB. */
const STOPPED_BYTES = 90_000
/** Connections that a stop may open: short backlogs exist. */
const STOPPED_CONNECTIONS = 8
/** The least size of a write that is not empty: so many random bytes are like no others. */
const LEAST_SIZE = 8

/** The list of snapshots, which the runs at one place share. */
export interface SharedList {
  bytes: Buffer
}

interface Writer {
  image: Image
  sink: Sink
  write: RecordedWrite
  pieces: Buffer[]
  /** Bytes that were sent in the present stop. */
  stopped: number
}

interface Reader {
  image: Image
  side: DaemonContext
  client: string
  connection: Connection
  opened: Moment
  answered: Moment
  /** Whether it stops after the reply. */
  isHeld: boolean
  isGone: boolean
  /** Resolves at the end of its connection. */
  end: Promise<void>
}

export interface RunOptions {
  /** Of all snapshot ids, so that runs at one place share no image. */
  prefix: string
  seed: number
  /** Without it, pushes are left out. */
  list?: SharedList
}

export class Run {
  readonly #place: Place
  readonly #options: RunOptions
  readonly #recording: Recording
  readonly #unwatch: () => void
  readonly #writers = new Map<number, Writer>()
  readonly #held = new Map<number, Reader>()
  readonly #readers = new Set<Reader>()
  #count = 0
  #finishConnection: Connection | undefined
  /** The side that is stopped, and the connections that it may still get. */
  #stop: { side: SideName; connections: number } | undefined
  #trouble: Violation | undefined
  /** Whether the last reads have begun, which the script does not name. */
  #isOver = false
  /** The steps so far, for people. */
  readonly script: string[] = []

  constructor(place: Place, options: RunOptions) {
    this.#place = place
    this.#options = options
    this.#recording = new Recording(place.seesLink)
    this.#unwatch = place.watch(this.#recording)
  }

  /** Takes the steps and judges the history. Throws Violation. */
  async take(steps: readonly Step[]): Promise<void> {
    try {
      await this.#takeAll(steps)
      await (this.#isFinished ? this.#untilEnd() : this.#untilSettled())
      this.#judge()
    } finally {
      this.#unwatch()
      this.#leaveAll()
    }
  }

  get #isFinished(): boolean {
    return Number.isFinite(this.#recording.finished)
  }

  async #takeAll(steps: readonly Step[]): Promise<void> {
    for (const step of steps) await this.#named(step.kind, () => this.#take(step))
  }

  /** Runs a step; a deadline inside it shows the steps before. */
  #named<T>(next: string, work: () => Promise<T>): Promise<T> {
    const begin = Promise.withResolvers<void>()
    const named = this.#waitFor(`the end of the step "${next}"`, 'L2', begin.promise.then(work))
    begin.resolve()
    return named
  }

  /** Waits; a deadline shows the steps so far. */
  #waitFor<T>(what: string, clause: string, work: Promise<T>): Promise<T> {
    const lines = this.script.map((line) => `  ${line}\n`).join('')
    const text = `${what}, after these steps (seed ${this.#options.seed}):\n${lines} `
    return this.#place.context.waitFor(text, { outcome: 'it comes', clause }, work)
  }

  async #take(step: Step): Promise<void> {
    switch (step.kind) {
      case 'open':
        return this.#open(step.client, this.#image(step.image), step.mode)
      case 'piece':
        return this.#piece(step.client, step.size)
      case 'close':
        return this.#close(step.client, step.how)
      case 'read':
        return this.#read(this.#side(step.side), this.#image(step.image), step.waits)
      case 'begin':
        return this.#begin(step.client, this.#side(step.side), this.#image(step.image), step.waits)
      case 'go on':
        return this.#goOn(step.client)
      case 'leave':
        return this.#leave(step.client)
      case 'push':
        return this.#push()
      case 'stop':
        return this.#whileStopped(step.side, step.steps)
      case 'stall':
        return this.#whileStalled(step.steps)
      case 'connect':
        return this.#connectFinish()
      case 'finish':
        return this.#finish()
    }
  }

  #image(number: number): Image {
    const { prefix } = this.#options
    return { snapshotId: `${prefix}${number % 2}`, name: `${Math.floor(number / 2)}.img` }
  }

  #side(name: SideName): DaemonContext {
    const { proxy, cache } = this.#place.sides
    return ((name === 'proxy' ? proxy : cache) ?? proxy ?? cache) as DaemonContext
  }

  /** Counts a connection to the stopped side; returns whether the stop has no room for it. */
  #isFull(side: SideName | undefined): boolean {
    if (this.#stop === undefined || this.#stop.side !== side) return false
    return --this.#stop.connections < 0
  }

  async #open(client: number, image: Image, mode: 'write' | 'append'): Promise<void> {
    if (this.#writers.has(client)) return
    if (this.#place.sides.proxy === undefined && this.#isFinished) return
    if (this.#isFull('proxy')) return
    const write = this.#recording.write(image, mode, `client ${client}`)
    this.script.push(`client ${client} opens ${name(image)} to ${mode} (${nameOfWrite(write)})`)
    const sink = await this.#place.openWrite(image, mode).catch((thrown) => this.#refused(thrown))
    if (sink === undefined) return this.#recording.forget(image, write)
    if (this.#isFinished) write.optional = true
    this.#writers.set(client, { image, sink, write, pieces: [], stopped: 0 })
  }

  /** After the finish a daemon may refuse connections (E1a). */
  #refused(thrown: unknown): undefined {
    if (!this.#isFinished) throw thrown
    if (!this.#isOver) this.script.push('(refused)')
  }

  async #piece(client: number, wanted: number): Promise<void> {
    const writer = this.#writers.get(client)
    if (writer === undefined) return
    const room = this.#stop === undefined ? wanted : STOPPED_BYTES - writer.stopped
    const size = Math.max(Math.min(wanted, room), LEAST_SIZE)
    writer.stopped += size
    this.script.push(`client ${client} sends ${size} bytes`)
    await this.#send(writer, someBytes(size, this.#options.seed + ++this.#count))
  }

  async #send({ sink, write }: Writer, piece: Buffer): Promise<void> {
    write.bytes = Buffer.concat([write.bytes, piece])
    write.size = write.bytes.length
    await sink.send(piece)
  }

  async #close(client: number, how: 'half' | 'full'): Promise<void> {
    const writer = this.#writers.get(client)
    if (writer === undefined) return
    this.#writers.delete(client)
    const { write, sink, image } = writer
    this.script.push(`client ${client} closes ${name(image)} (${nameOfWrite(write)}, ${how} close)`)
    await sink.close(how, {
      opening: () => {
        write.opened = this.#recording.now()
      },
      closing: () => {
        write.closing = this.#recording.now()
      },
      closed: () => {
        write.closed = this.#recording.now()
      },
    })
  }

  /** Opens a read and returns it; undefined if the daemon refused it after the finish. */
  async #openRead(side: DaemonContext, image: Image, isHeld = false): Promise<Reader | undefined> {
    if (this.#isFull(side.role)) return undefined
    const client = `reader ${++this.#count}`
    const held = isHeld ? ', and stops after the reply' : ''
    if (!this.#isOver) this.script.push(`${client} reads ${name(image)} at the ${side.role}${held}`)
    this.#recording.of(image)
    const opened = this.#recording.now()
    const connection = await side
      .openRead(image.snapshotId, image.name)
      .catch((thrown) => this.#refused(thrown))
    if (connection === undefined) return undefined
    const answered = Number.POSITIVE_INFINITY
    const reader: Reader = {
      ...{ image, side, client, connection, opened, answered },
      ...{ isHeld, isGone: false, end: Promise.resolve() },
    }
    reader.end = this.#follow(reader).catch((thrown) => {
      this.#trouble ??= thrown
    })
    this.#readers.add(reader)
    return reader
  }

  /** Notes the answer to a read. */
  async #follow(reader: Reader): Promise<void> {
    const { connection, image, side, client, opened } = reader
    await connection.reply()
    reader.answered = this.#recording.now()
    if (reader.isHeld) connection.socket.pause()
    const answer = await connection.answer()
    connection.socket.destroy()
    this.#readers.delete(reader)
    if (reader.isGone || this.#isRefusal(reader, answer)) return
    const { answered } = reader
    this.#recording.read(image, { side: side.role, client, opened, answered, answer })
  }

  /**
   * Returns whether a read was refused because of the finish (E1a). Throws Violation for any other
   * answer that is neither an image nor ENOENT.
   */
  #isRefusal({ image, side, opened, answered }: Reader, answer: Answer): boolean {
    const { finished } = this.#recording
    const { error } = answer
    if (side.role === 'proxy' && error === undefined && answered > finished) return true
    if (side.role === 'proxy' && error !== 0 && answer.size === 0 && opened > finished) return true
    if (error === 0 || error === 2) return false
    throw new Violation(
      `a read of ${name(image)} at the ${side.role}`,
      [{ outcome: 'error 0 and an image, or ENOENT', clause: 'L3' }],
      describe(answer),
    )
  }

  async #read(side: DaemonContext, image: Image, waits: boolean): Promise<void> {
    const reader = await this.#openRead(side, image)
    if (waits && this.#mayWait(side)) await reader?.end
  }

  async #begin(client: number, side: DaemonContext, image: Image, waits: boolean): Promise<void> {
    if (this.#held.has(client)) return
    const reader = await this.#openRead(side, image, true)
    if (reader === undefined) return
    this.#held.set(client, reader)
    if (this.#mayWait(side) && waits) await reader.connection.reply()
  }

  /** A read at the cache may wait for an image that nobody writes; a stopped side answers late. */
  #mayWait(side: DaemonContext): boolean {
    return this.#stop === undefined && side.role === 'proxy'
  }

  async #goOn(client: number): Promise<void> {
    const reader = this.#held.get(client)
    if (reader === undefined) return
    this.script.push(`${reader.client} goes on`)
    this.#held.delete(client)
    this.#resume(reader)
  }

  #resume(reader: Reader): void {
    reader.isHeld = false
    reader.connection.socket.resume()
  }

  async #leave(client: number): Promise<void> {
    const waiter = [...this.#readers].find(({ side }) => side.role === 'cache')
    const reader = this.#held.get(client) ?? waiter
    if (reader === undefined) return
    this.script.push(`${reader.client} leaves`)
    this.#held.delete(client)
    this.#drop(reader)
  }

  #drop(reader: Reader): void {
    reader.isGone = true
    this.#readers.delete(reader)
    reader.connection.reset()
  }

  async #push(): Promise<void> {
    const { list, prefix } = this.#options
    if (list === undefined || this.#isFinished || this.#isFull('proxy')) return
    const image = { snapshotId: this.#place.context.names.nullId, name: LIST }
    this.#recording.of(image, list.bytes)
    const write = this.#recording.write(image, 'append', 'a dump')
    const entry = snapshotEntry.encode(`${prefix}${++this.#count}`)
    this.script.push(`a dump pushes its id (${nameOfWrite(write)})`)
    const sink = await this.#place.openWrite(image, 'append')
    this.#writers.set(-1, { image, sink, write, pieces: [], stopped: 0 })
    await this.#send(this.#writers.get(-1) as Writer, entry)
    await this.#close(-1, 'full')
    list.bytes = Buffer.concat([list.bytes, entry])
  }

  async #whileStopped(name: SideName, steps: readonly Step[]): Promise<void> {
    const side = this.#side(name)
    for (const writer of this.#writers.values()) writer.stopped = 0
    const opens = this.#place.sides.proxy === undefined ? undefined : 'proxy'
    const stopped = side.role === 'cache' ? 'cache' : opens
    this.script.push(`stop of the ${side.role}:`)
    await side.whileStopped(async () => {
      this.#stop = { side: stopped ?? 'cache', connections: STOPPED_CONNECTIONS }
      await this.#takeAll(steps).finally(() => {
        this.#stop = undefined
      })
    })
    this.script.push(`the ${side.role} goes on`)
  }

  async #whileStalled(steps: readonly Step[]): Promise<void> {
    const { stalled } = this.#place
    if (this.#isFinished || this.#stop !== undefined || stalled === undefined) return
    this.script.push('the link stalls:')
    await stalled.call(this.#place, async () => {
      const image = { snapshotId: `${this.#options.prefix}0`, name: 'stall.img' }
      await this.#open(-2, image, 'write')
      const writer = this.#writers.get(-2)
      const bytes = someBytes(MORE_THAN_A_LINK_HOLDS, this.#options.seed + ++this.#count)
      if (writer !== undefined) await this.#send(writer, bytes)
      await this.#close(-2, 'half')
      await this.#takeAll(steps)
    })
    this.script.push('the link goes on')
  }

  async #connectFinish(): Promise<void> {
    const { proxy } = this.#place.sides
    if (proxy === undefined || this.#finishConnection !== undefined) return
    this.script.push('the client of the finish connects')
    this.#finishConnection = await proxy.connect()
  }

  async #finish(): Promise<void> {
    if (this.#isFinished) return
    await this.#place.flush()
    this.script.push(this.#place.sides.proxy === undefined ? 'the link ends' : 'the finish is sent')
    this.#recording.finished = this.#recording.now()
    await this.#place.finish(this.#finishConnection)
  }

  /** Completes all writes and lets all readers go on. */
  async #completeAll(): Promise<void> {
    for (const client of [...this.#held.keys()]) await this.#goOn(client)
    for (const client of [...this.#writers.keys()]) await this.#close(client, 'half')
  }

  /** Ends a run without a finish. */
  async #untilSettled(): Promise<void> {
    await this.#completeAll()
    await this.#place.flush()
    const sent = this.#recording.now()
    const mark = `${this.#options.prefix}mark`
    await this.#waitFor('an image after all others', 'W5', this.#place.mark(mark))
    this.#recording.barrier({ sent, seen: this.#recording.now() })
    await this.#readAll()
    for (const reader of [...this.#readers]) await this.#untilAnswered(reader)
  }

  /** Reads every image at each side. */
  async #readAll(): Promise<void> {
    this.script.push('every image is read')
    this.#isOver = true
    const sides = Object.values(this.#place.sides)
    for (const image of this.#recording.all())
      for (const side of sides)
        if (side.role === 'proxy' || this.#recording.isWritten(image))
          await this.#openRead(side, image)
  }

  /** Waits for an answer that has to come; a client that waits for a missing image is let go. */
  async #untilAnswered(reader: Reader): Promise<void> {
    const { side, image, connection, client } = reader
    const what = `the answer to ${client}, of ${name(image)} at the ${side.role}`
    const isDue =
      side.role === 'proxy' ||
      this.#isFinished ||
      this.#recording.isWritten(image) ||
      connection.ended
    if (isDue) return this.#waitFor(what, side.role === 'proxy' ? 'L3' : 'C2', reader.end)
    if (connection.received.length === 0) return this.#drop(reader)
    await this.#waitFor(what, 'C2', reader.end)
  }

  /** Ends a run with a finish. */
  async #untilEnd(): Promise<void> {
    await this.#completeAll()
    await this.#waitFor('the end of the link after the finish', 'E1', this.#place.ended())
    const { cache } = this.#place.sides
    if (cache === undefined) return this.#untilExit()
    const never = { snapshotId: `${this.#options.prefix}0`, name: 'never.img' }
    const reader = await this.#openRead(cache, never)
    await this.#waitFor(
      `ENOENT for ${name(never)} at the cache`,
      'C3',
      reader?.end as Promise<void>,
    )
    this.#recording.barrier({ sent: Number.POSITIVE_INFINITY, seen: this.#recording.now() })
    await this.#readAll()
    await this.#finishRestore(cache)
    await this.#untilExit()
  }

  /** Finishes the restore while readers have stopped after their reply (E1b). */
  async #finishRestore(cache: DaemonContext): Promise<void> {
    for (const reader of [...this.#readers]) await this.#untilAnswered(reader)
    const readers: Reader[] = []
    for (const image of this.#recording.all().filter((each) => this.#recording.isWritten(each))) {
      const reader = await this.#openRead(cache, image, true)
      if (reader === undefined) continue
      await this.#waitFor(`the reply to ${reader.client}`, 'C1', reader.connection.reply())
      readers.push(reader)
    }
    cache.life.allowExit('the restore is finished')
    this.script.push('the restore is finished')
    await cache.openRead(cache.names.nullId, cache.names.restoreFinish)
    for (const reader of readers) this.#resume(reader)
  }

  async #untilExit(): Promise<void> {
    for (const reader of [...this.#readers]) await this.#untilAnswered(reader)
    this.#judge()
    await this.#place.exit()
  }

  #judge(): void {
    if (this.#trouble !== undefined) throw this.#trouble
    const found = this.#recording.judge()
    if (found === undefined) return
    const actual = [found.actual, ...found.picture.map((line) => `  ${line}`)].join('\n')
    throw new Violation(found.what, [found.permitted], actual)
  }

  #leaveAll(): void {
    for (const reader of this.#readers) this.#drop(reader)
    for (const { sink } of this.#writers.values()) sink.leave()
    this.#finishConnection?.reset()
  }
}

const name = ({ snapshotId, name }: Image) => `${snapshotId}:${name}`
