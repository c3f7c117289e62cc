import { readdir, readFile } from 'node:fs/promises'
import { setTimeout as pause } from 'node:timers/promises'
import {
  localImage,
  O_APPEND,
  O_RDONLY,
  O_WRONLY,
  type RemoteImage,
  remoteImage,
  snapshotEntry,
} from '../../proto/index.ts'
import { type Completed, type HostProcess, lastLine } from '../hosts/host.ts'
import { type Permitted, Violation } from './case.ts'
import { type Answer, Connection } from './connection.ts'
import type { Subject } from './daemon-under-test.ts'
import type { CachePeer, Forwarded } from './fake-cache.ts'
import type { Trace } from './trace.ts'

/*
 * What a case works with: the implementation under test, freshly started, with CRIU's side and the missing peer played by
 * the harness. A case says what it waits for, so that a deadline can say what did not come.
 */

/** Control names of the dialect that the client speaks. */
export interface Names {
  nullId: string
  dumpFinish: string
  restoreFinish: string
}

export const names2017: Names = {
  nullId: 'null',
  dumpFinish: 'DUMP_FINISH',
  restoreFinish: 'RESTORE_FINISH',
}
export const names2019: Names = { nullId: '', dumpFinish: '', restoreFinish: '' }

/** Name of the image that holds the list of snapshots. */
export const LIST = 'parent'

export interface BenchOptions {
  trace: Trace
  dialect: string
  names: Names
  /** For pseudo-random choices of a case, so that a run can be repeated. */
  seed: number
  waiting: Waiting
}

/** What a case is waiting for at the moment. */
export class Waiting {
  readonly #pending = new Set<{ what: string; permitted: Permitted }>()

  async for<T>(what: string, permitted: Permitted, work: Promise<T>): Promise<T> {
    const entry = { what, permitted }
    this.#pending.add(entry)
    try {
      return await work
    } finally {
      this.#pending.delete(entry)
    }
  }

  /** The violation that a deadline is. */
  late(milliseconds: number): Violation {
    const [first] = this.#pending
    const { what, permitted } = first ?? {
      what: 'the case',
      permitted: { outcome: 'its end', clause: '' },
    }
    return new Violation(what, [permitted], `nothing within ${milliseconds} ms`)
  }
}

/** CRIU's side: opens of images at the UNIX socket of one daemon. */
export class ClientBench {
  readonly options: BenchOptions
  readonly subject: Subject
  #clients = 0

  constructor(options: BenchOptions, subject: Subject) {
    this.options = options
    this.subject = subject
  }

  get names(): Names {
    return this.options.names
  }

  get dialect(): string {
    return this.options.dialect
  }

  get seed(): number {
    return this.options.seed
  }

  get process(): HostProcess {
    return this.subject.process
  }

  /** Waits for something that the implementation has to do. */
  waitFor<T>(what: string, permitted: Permitted, work: Promise<T>): Promise<T> {
    return this.options.waiting.for(what, permitted, work)
  }

  /** A connection on which nothing has been sent. */
  async connect(): Promise<Connection> {
    const name = `${this.subject.role} client ${++this.#clients}`
    try {
      return await Connection.to(name, { path: this.subject.socket }, this.options.trace)
    } catch (thrown) {
      throw new Violation(
        'connecting to its UNIX socket',
        [{ outcome: 'a connection', clause: 'L1' }],
        (thrown as Error).message,
      )
    }
  }

  /** A read that has been asked for. */
  async openRead(snapshotId: string, name: string): Promise<Connection> {
    const client = await this.connect()
    await client.send(
      localImage.encode({ snapshotId, name, openMode: O_RDONLY }),
      `read ${show(snapshotId, name)}`,
    )
    return client
  }

  /** The whole answer to a read. */
  async read(snapshotId: string, name: string): Promise<Answer> {
    const client = await this.openRead(snapshotId, name)
    return this.answer(client, `the answer to a read of ${show(snapshotId, name)}`)
  }

  /** A read gets exactly these bytes. */
  async serves(snapshotId: string, name: string, bytes: Buffer, clause: string): Promise<void> {
    const answer = await this.read(snapshotId, name)
    if (answer.error !== 0 || !answer.bytes.equals(bytes)) {
      throw new Violation(
        `a read of ${show(snapshotId, name)}`,
        [{ outcome: `error 0 and its ${bytes.length} bytes`, clause }],
        describe(answer),
      )
    }
  }

  /** The rest of an answer: waits for the close. */
  answer(client: Connection, what = 'the answer to a read'): Promise<Answer> {
    return this.waitFor(
      what,
      { outcome: 'a reply and a close', clause: 'L3' },
      client.answer(),
    ).finally(() => client.socket.destroy())
  }

  /** A write whose header has been sent. */
  async openWrite(snapshotId: string, name: string, openMode = O_WRONLY): Promise<Connection> {
    const client = await this.connect()
    await client.send(
      localImage.encode({ snapshotId, name, openMode }),
      `${openMode === O_APPEND ? 'append' : 'write'} ${show(snapshotId, name)}`,
    )
    return client
  }

  /** Writes an image and closes; when the proxy has it is seen only by its forwarding it. */
  async write(snapshotId: string, name: string, bytes: Buffer, openMode = O_WRONLY): Promise<void> {
    const client = await this.openWrite(snapshotId, name, openMode)
    if (bytes.length > 0) await client.send(bytes)
    await client.end()
  }

  append(snapshotId: string, name: string, bytes: Buffer): Promise<void> {
    return this.write(snapshotId, name, bytes, O_APPEND)
  }

  /** What a pre-dump or dump begins with. */
  push(snapshotId: string): Promise<void> {
    return this.append(this.names.nullId, LIST, snapshotEntry.encode(snapshotId))
  }

  /** Waits until the process has ended by itself. */
  exit(clause: string): Promise<Completed> {
    this.subject.mayExit = true
    return this.waitFor(
      `the exit of the ${this.subject.role}`,
      { outcome: 'it exits by itself', clause },
      this.process.exited,
    )
  }

  /** Waits for its exit; lines that it wrote to standard error, and to files in its directory. */
  async logged(): Promise<number> {
    const { stderr } = await this.exit('F7')
    const { directory } = this.subject
    const files = (await readdir(directory, { withFileTypes: true })).filter((file) =>
      file.isFile(),
    )
    const texts = await Promise.all(
      files.map(({ name }) => readFile(`${directory}/${name}`, 'latin1')),
    )
    return [stderr, ...texts].join('\n').split('\n').filter(Boolean).length
  }

  /** It must exit with 0. */
  async cleanExit(clause: string): Promise<void> {
    const { code, stderr } = await this.exit(clause)
    if (code !== 0)
      throw new Violation(
        `the exit of the ${this.subject.role}`,
        [{ outcome: 'exit 0', clause }],
        `exit ${code} (${lastLine(stderr)})`,
      )
  }

  /** It must exit, and not with 0; a crash is not an exit. */
  async failedExit(clause: string): Promise<void> {
    const { code, stderr } = await this.exit(clause)
    if (code === 0 || code > 128)
      throw new Violation(
        `the exit of the ${this.subject.role}`,
        [{ outcome: 'an exit code from 1 to 128', clause }],
        `exit ${code} (${lastLine(stderr)})`,
      )
  }
}

/** A proxy under test; the harness is its CRIU and its cache. */
export class ProxyBench extends ClientBench {
  readonly cache: CachePeer
  #probes = 0

  constructor(options: BenchOptions, subject: Subject, cache: CachePeer) {
    super(options, subject)
    this.cache = cache
    cache.appendsCountAll = options.dialect === 'criu-2017' || options.dialect === 'criu-2019'
  }

  /** Waits for a forwarded image of that name. */
  forwarded(
    name: string,
    satisfies?: (image: Forwarded) => boolean,
    clause = 'W5',
  ): Promise<Forwarded> {
    return this.waitFor(
      `the forwarding of ${name}`,
      { outcome: 'the image on the connection to the cache', clause },
      this.cache.image(name, satisfies),
    )
  }

  /** Writes an image and waits until the proxy shows that it has it. */
  async store(snapshotId: string, name: string, bytes: Buffer): Promise<Forwarded> {
    await this.write(snapshotId, name, bytes)
    return this.forwarded(
      name,
      (image) => image.snapshotId === snapshotId && image.size === bytes.length,
    )
  }

  /** Reads until the answer satisfies: nothing tells a writer when its image is complete, so this asks at short intervals. */
  untilReadable(
    snapshotId: string,
    name: string,
    satisfies: (answer: Answer) => boolean = ({ error }) => error === 0,
    clause = 'L5',
  ): Promise<Answer> {
    const ask = async () => {
      for (;;) {
        const answer = await this.read(snapshotId, name)
        if (satisfies(answer)) return answer
        await pause(POLL)
      }
    }
    return this.waitFor(
      `reads of ${show(snapshotId, name)}`,
      { outcome: 'the image that was written', clause },
      ask(),
    )
  }

  /** The cache stops reading, with an image under way that it would read next: what completes from here on has to queue. That image. */
  async stallLink(): Promise<Buffer> {
    await this.store('stall', 'before.img', Buffer.from('before the link stalls'))
    this.cache.pause()
    const large = Buffer.alloc(MORE_THAN_A_LINK_HOLDS, 'large')
    await this.write('stall', 'large.img', large)
    const permitted = { outcome: 'error 0', clause: 'L5' }
    await this.waitFor(
      'the reply to reads of the image that was written',
      permitted,
      this.#untilFound('stall', 'large.img'),
    )
    return large
  }

  /** Asks at short intervals, and does not read what is found. */
  async #untilFound(snapshotId: string, name: string): Promise<void> {
    for (;;) {
      const reader = await this.openRead(snapshotId, name)
      const error = await reader.reply()
      reader.socket.destroy()
      if (error === 0) return
      await pause(POLL)
    }
  }

  /** Tells it that the dump is finished. */
  async finish(names = this.names): Promise<void> {
    this.subject.mayExit = true
    await this.write(names.nullId, names.dumpFinish, Buffer.alloc(0))
  }

  /** It still takes, forwards and serves an image: a refusal was no crash. */
  async stillServes(clause: string): Promise<void> {
    const name = `probe-${++this.#probes}`
    const bytes = Buffer.from(`it still serves ${name}`)
    await this.write('probe', name, bytes)
    await this.waitFor(
      `the forwarding of ${name}, to see that it still serves`,
      { outcome: 'the image', clause },
      this.cache.image(name),
    )
    await this.serves('probe', name, bytes, clause)
  }
}

/** A cache under test; the harness is its proxy and the restoring CRIU. */
export class CacheBench extends ClientBench {
  #link: Connection | undefined
  #probes = 0

  /** The connection from the proxy that the harness plays; made by `connectLink`. */
  get link(): Connection {
    if (this.#link === undefined) throw new Error('the link has not been connected')
    return this.#link
  }

  /** Connects as the proxy. */
  async connectLink(): Promise<void> {
    this.#link ??= await this.subject.connectLink(this.options.trace)
  }

  /** Sends an image as a proxy would. */
  async forward(
    snapshotId: string,
    name: string,
    bytes: Buffer,
    openMode = O_WRONLY,
  ): Promise<void> {
    await this.link.send(
      Buffer.concat([header({ snapshotId, name, openMode, size: bytes.length }), bytes]),
      `image ${show(snapshotId, name)}`,
    )
  }

  /** Closes the link as a proxy does at the end of a dump. */
  closeLink(): void {
    this.link.end()
  }

  /** Breaks the link off as a network does. */
  resetLink(): void {
    this.link.reset()
  }

  /** Another connection to the port that the link is connected to; undefined if it is refused. */
  async connectAnother(): Promise<Connection | undefined> {
    const port = this.link.socket.remotePort as number
    return Connection.to('second link', { host: '127.0.0.1', port }, this.options.trace).catch(
      () => undefined,
    )
  }

  /** Sees to it that whatever was sent on the link is there: images come in order, so one behind all of it is waited for. */
  async drained(clause = 'C2'): Promise<void> {
    const name = `mark-${++this.#probes}`
    await this.forward('probe', name, Buffer.from(name))
    await this.serves('probe', name, Buffer.from(name), clause)
  }

  /** Tells it that the restore is finished. */
  async finishRestore(names = this.names): Promise<Connection> {
    this.subject.mayExit = true
    return this.openRead(names.nullId, names.restoreFinish)
  }

  /** It still takes and serves an image, while the link is open: a refusal was no crash. */
  async stillServes(clause: string): Promise<void> {
    const name = `probe-${++this.#probes}`
    const bytes = Buffer.from(`it still serves ${name}`)
    await this.forward('probe', name, bytes)
    await this.serves('probe', name, bytes, clause)
  }
}

/** A proxy and a cache under test, connected to each other; the harness is CRIU at either side. */
export class PairBench {
  readonly options: BenchOptions
  readonly proxy: ClientBench
  readonly cache: ClientBench

  constructor(options: BenchOptions, proxy: Subject, cache: Subject) {
    this.options = options
    this.proxy = new ClientBench(options, proxy)
    this.cache = new ClientBench(options, cache)
  }

  get names(): Names {
    return this.options.names
  }

  get seed(): number {
    return this.options.seed
  }

  /** Kills the proxy, as the loss of its node does: its exit is then the case's doing, and no crash. */
  async killProxy(): Promise<void> {
    const { subject } = this.proxy
    subject.exitCode = () => undefined
    await subject.process.kill('SIGKILL')
    await subject.process.exited
  }
}

/** More bytes than a TCP connection holds (4 MiB to send, and what a receiver takes that does not read): a proxy can not get rid of them. */
export const MORE_THAN_A_LINK_HOLDS = 8 * 1024 * 1024

/** Interval of asking for what gives no event, in ms. */
const POLL = 5

/** A forwarding header as a frame. */
export const header = (image: RemoteImage): Buffer => remoteImage.encode(image)

/** An image's identity for people; control characters and long names are cut. */
export function show(snapshotId: string, name: string): string {
  const clip = (text: string) => JSON.stringify(text.length > 40 ? `${text.slice(0, 40)}...` : text)
  return `${clip(snapshotId)}:${clip(name)}`
}

/** An answer for people. */
export function describe({ error, size, bytes, end }: Answer): string {
  const close = end === 'end' ? 'a close' : 'a reset'
  if (error === undefined)
    return size > 0
      ? `${size} bytes that are no reply (${bytes.subarray(0, 16).toString('hex')}), and ${close}`
      : `no reply and ${close}`
  return `error ${error}, ${size} bytes, and ${close}`
}
