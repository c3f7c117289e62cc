import { readdir, readFile } from 'node:fs/promises'
import { localImage, O_APPEND, O_RDONLY, O_WRONLY, snapshotEntry } from '../../../proto/index.ts'
import { type Completed, lastLine } from '../../hosts/host.ts'
import { type Permitted, Violation } from '../../violation.ts'
import type { Level } from '../clause.ts'
import { type Answer, Connection } from '../connection.ts'
import { type ControlNames, LIST } from '../control-names.ts'
import { type DaemonLife, isCrash } from '../daemon-life.ts'
import { DaemonStop } from '../daemon-stop.ts'
import type { DaemonUnderTest } from '../daemon-under-test.ts'
import { describe, show, soFar } from '../texts.ts'
import type { Trace } from '../trace.ts'
import type { Waiting } from '../waiting.ts'

/** The parts of a context that do not depend on the role. */
export interface ContextOptions {
  trace: Trace
  dialect: string
  names: ControlNames
  /** The seed of the case's pseudo-random choices, so that a run can be repeated. */
  seed: number
  waiting: Waiting
}

/** CRIU's side at the UNIX socket of one daemon: opens images there as clients. */
export class DaemonContext {
  readonly options: ContextOptions
  readonly daemon: DaemonUnderTest
  /** The path at which clients connect; the daemon's own unless a case sets another. */
  socket: string
  #clients = 0
  #stop: DaemonStop | undefined

  constructor(options: ContextOptions, daemon: DaemonUnderTest) {
    this.options = options
    this.daemon = daemon
    this.socket = daemon.socket
  }

  get role(): 'proxy' | 'cache' {
    return this.daemon.role
  }

  get life(): DaemonLife {
    return this.daemon.life
  }

  get names(): ControlNames {
    return this.options.names
  }

  get dialect(): string {
    return this.options.dialect
  }

  get seed(): number {
    return this.options.seed
  }

  /** Waits for an act of the implementation; the deadline of the case reports it if it is late. */
  waitFor<T>(
    what: string,
    permitted: Permitted,
    work: Promise<T>,
    seen?: () => string,
  ): Promise<T> {
    return this.options.waiting.for(what, permitted, work, seen)
  }

  /**
   * Does some work of clients while every process of the daemon is stopped, as by a busy machine.
   * The connections, bytes and closes of the work then wait in the kernel, in the order of the
   * work, and the daemon sees all of them at once. Returns whether the daemon was stopped the whole
   * time: it is not if the suite cannot stop it, if its backlog was full, or if the work takes
   * longer than two seconds. The work is done in any case.
   */
  async whileStopped(work: () => Promise<void>): Promise<boolean> {
    const stop = await DaemonStop.begin(this.daemon, this.options.trace)
    this.#stop = stop
    await work().finally(() => {
      this.#stop = undefined
      stop.end()
    })
    return stop.isWhole
  }

  /** Opens a connection and sends nothing. Throws Violation if the daemon does not accept it. */
  async connect(): Promise<Connection> {
    const name = `${this.role} client ${++this.#clients}`
    const stop = this.#stop
    try {
      const onFull = () => stop?.lift()
      const client = await Connection.to(name, { path: this.socket }, this.options.trace, onFull)
      await stop?.renew()
      return client
    } catch (thrown) {
      throw new Violation(
        'connecting to its UNIX socket',
        [{ outcome: 'a connection', clause: 'L1' }],
        (thrown as Error).message,
      )
    }
  }

  /** Sends the request to read an image, and does not wait for the answer. */
  async openRead(snapshotId: string, name: string): Promise<Connection> {
    const client = await this.connect()
    await client.send(
      localImage.encode({ snapshotId, name, openMode: O_RDONLY }),
      `read ${show(snapshotId, name)}`,
    )
    return client
  }

  /** Reads an image and returns the whole answer. */
  async read(snapshotId: string, name: string): Promise<Answer> {
    const client = await this.openRead(snapshotId, name)
    return this.answer(client, `the answer to a read of ${show(snapshotId, name)}`)
  }

  /** Reads an image. Throws Violation unless the answer has exactly these bytes. */
  async serves(
    snapshotId: string,
    name: string,
    bytes: Buffer,
    clause: string,
    what = `the answer to a read of ${show(snapshotId, name)}`,
  ): Promise<void> {
    const permitted = { outcome: `error 0, its ${bytes.length} bytes, and a close`, clause }
    const client = await this.openRead(snapshotId, name)
    const answer = await this.answer(client, what, permitted)
    if (answer.error !== 0 || !answer.bytes.equals(bytes))
      throw new Violation(what, [permitted], describe(answer))
  }

  /** Waits for the daemon's close of a read, and returns the whole answer. */
  answer(
    client: Connection,
    what = 'the answer to a read',
    permitted = { outcome: 'a reply and a close', clause: 'L3' },
  ): Promise<Answer> {
    return this.waitFor(what, permitted, client.answer(), () => soFar(client)).finally(() =>
      client.socket.destroy(),
    )
  }

  /** Waits for the answers to several reads at once. A deadline tells how many have come. */
  answers(clients: readonly Connection[], what: string, clause: string): Promise<Answer[]> {
    let answered = 0
    const count = async (client: Connection) => {
      const answer = await client.answer()
      answered++
      return answer
    }
    const permitted = { outcome: `a reply and a close for all ${clients.length} clients`, clause }
    const seen = () => `an answer for ${answered} of ${clients.length} clients`
    return this.waitFor(what, permitted, Promise.all(clients.map(count)), seen).finally(() => {
      for (const client of clients) client.socket.destroy()
    })
  }

  /** Sends the header of a write or append, and none of its bytes. */
  async openWrite(snapshotId: string, name: string, openMode = O_WRONLY): Promise<Connection> {
    const client = await this.connect()
    await client.send(
      localImage.encode({ snapshotId, name, openMode }),
      `${openMode === O_APPEND ? 'append' : 'write'} ${show(snapshotId, name)}`,
    )
    return client
  }

  /** Writes an image and closes. A write has no answer: the image may not be complete yet. */
  async write(snapshotId: string, name: string, bytes: Buffer, openMode = O_WRONLY): Promise<void> {
    const client = await this.openWrite(snapshotId, name, openMode)
    if (bytes.length > 0) await client.send(bytes)
    await client.end()
  }

  /** Appends to an image and closes, as `write` does. */
  append(snapshotId: string, name: string, bytes: Buffer): Promise<void> {
    return this.write(snapshotId, name, bytes, O_APPEND)
  }

  /** Appends a snapshot id to the list of snapshots, as a pre-dump or dump does first. */
  push(snapshotId: string): Promise<void> {
    return this.append(this.names.nullId, LIST, snapshotEntry.encode(snapshotId))
  }

  /** The clause by which the daemon exits with 0 at its clean end. */
  get #end(): string {
    return this.role === 'proxy' ? 'E1' : 'E2'
  }

  /** Waits until the process has ended by itself. */
  exit(by: { clause: string; level?: Level }): Promise<Completed> {
    this.life.allowExit('the case waits for its exit')
    return this.waitFor(
      `the exit of the ${this.role}`,
      { outcome: 'it exits by itself', ...by },
      this.daemon.process.exited,
    )
  }

  /** Waits for its exit; returns the number of lines in its standard error and directory. */
  async logged(): Promise<number> {
    return (await this.log()).split('\n').filter(Boolean).length
  }

  /** Waits for its exit; returns its standard error and the files in its directory. */
  async log(): Promise<string> {
    const { stderr } = await this.exit({ clause: this.#end })
    const { directory } = this.daemon
    // A daemon may remove its directory at its end.
    const entries = await readdir(directory, { withFileTypes: true }).catch(() => [])
    const files = entries.filter((entry) => entry.isFile())
    const texts = await Promise.all(
      files.map(({ name }) => readFile(`${directory}/${name}`, 'latin1').catch(() => '')),
    )
    return [stderr, ...texts].join('\n')
  }

  /**
   * Waits for its exit, which the clause of the daemon's end demands as a rule. Throws Violation
   * unless the code is 0.
   */
  async cleanExit(clause = this.#end): Promise<void> {
    const { code, stderr } = await this.exit({ clause })
    if (code !== 0) this.#throwExit({ outcome: 'exit 0', clause: this.#end }, code, stderr)
  }

  /**
   * Waits for the exit of a daemon whose migration failed, which for a cache is the end of the
   * restore as well. Throws Violation if the code is 0 or that of a crash.
   */
  async failedExit(): Promise<void> {
    const { code, stderr } = await this.exit({ clause: this.role === 'cache' ? 'E2' : 'E4' })
    if (code === 0 || isCrash(code))
      this.#throwExit({ outcome: 'an exit code from 1 to 128', clause: 'E4' }, code, stderr)
  }

  #throwExit(permitted: Permitted, code: number, stderr: string): never {
    throw new Violation(
      `the exit of the ${this.role}`,
      [permitted],
      `exit ${code} (${lastLine(stderr)})`,
    )
  }
}
