import { randomUUID } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { setTimeout as pause, setImmediate as turn } from 'node:timers/promises'
import { Changes } from '../../changes.ts'
import { type Completed, type Host, type HostProcess, lastLine } from '../../hosts/host.ts'
import { MARK, ProcessTree } from '../../hosts/process-tree.ts'
import type { ClientCommand, Descriptor } from '../../implementation/descriptor.ts'
import {
  type ClientValues,
  prepareDirectories,
  startClient,
  uses,
} from '../../implementation/start-client.ts'
import { type Permitted, Violation } from '../../violation.ts'
import type { ClientRequest } from '../client/client-request.ts'
import { ImageStore } from '../client/image-store.ts'
import { ScriptedServer } from '../client/scripted-server.ts'
import { TargetTree } from '../client/target-tree.ts'
import type { ControlNames } from '../control-names.ts'
import { isCrash } from '../daemon-life.ts'
import { demand } from '../expect.ts'
import { NotApplicable } from '../not-applicable.ts'
import { show } from '../texts.ts'
import type { ContextOptions } from './daemon.ts'

/** Turns of the event loop after the end of a command, in which its last bytes and closes come. */
const TURNS = 1000
/** Interval between two looks at a process, in ms. */
const POLL = 5
/** Bytes of an image that are sought in files. */
const SAMPLE = 32
/** Different bytes in a sample that no file has by chance. */
const DISTINCT = 12
/** Children of the target process unless a case says otherwise. */
const CHILDREN = 2

/** A command of the client that runs or has ended. */
export interface RunningCommand {
  snapshot: string
  process: HostProcess
  /** Waits for its exit. */
  exit: Promise<Completed>
}

/**
 * A client under test: a CRIU with `--remote`. The harness is its proxy and its cache, and owns the
 * tree of processes that the client dumps.
 */
export class ClientUnderTest {
  readonly options: ContextOptions
  readonly proxy: ScriptedServer
  readonly cache: ScriptedServer
  readonly store: ImageStore
  /** The connections of the client, in the order in which they were accepted. */
  readonly requests: ClientRequest[] = []
  readonly #host: Host
  readonly #descriptor: Descriptor
  readonly #root: string
  readonly #mark = randomUUID()
  readonly #tree: ProcessTree
  readonly #changes = new Changes()
  readonly #running: HostProcess[] = []
  readonly #prepared = new Set<string>()
  #target: TargetTree | undefined
  #events = 0
  #previous: string | undefined
  #stderr = ''

  private constructor(options: ContextOptions, host: Host, descriptor: Descriptor, root: string) {
    const { trace, names } = options
    this.options = options
    this.#host = host
    this.#descriptor = descriptor
    this.#root = root
    this.#tree = new ProcessTree(0, this.#mark)
    this.store = new ImageStore()
    const shared = {
      ...{ trace, names, store: this.store, requests: this.requests, changes: this.#changes },
      count: () => ++this.#events,
    }
    this.proxy = new ScriptedServer('proxy', `${root}/proxy.sock`, shared)
    this.cache = new ScriptedServer('cache', `${root}/cache.sock`, shared)
  }

  /** Listens as proxy and cache, in a directory of its own. */
  static async prepare(
    options: ContextOptions,
    host: Host,
    descriptor: Descriptor,
  ): Promise<ClientUnderTest> {
    const client = new ClientUnderTest(options, host, descriptor, await host.directory())
    await client.proxy.listen()
    await client.cache.listen()
    return client
  }

  /** Starts the target process with its children, and waits until they run. */
  async startTarget(children = CHILDREN): Promise<void> {
    this.#target = await TargetTree.start(children, this.#mark)
  }

  get target(): TargetTree {
    if (this.#target === undefined) throw new Error('the target process has not been started')
    return this.#target
  }

  get names(): ControlNames {
    return this.options.names
  }

  /** The standard error of its commands so far. */
  get stderr(): string {
    return this.#stderr
  }

  /** The pids of its commands. */
  get processes(): number[] {
    return this.#running.map(({ pid }) => pid)
  }

  /** Returns the images directory of a snapshot, which is its id (S1). */
  id(snapshot: string): string {
    return `${this.#root}/${snapshot}`
  }

  /** Returns the directory for local files of a snapshot's commands. */
  work(snapshot: string): string {
    return `${this.#root}/work-${snapshot}`
  }

  /** Whether the client finds its sockets by name, in its directories. */
  get findsByName(): boolean {
    return this.#descriptor.client?.sockets === 'by-name'
  }

  /** Waits for an act of the client; the deadline of the case reports it if it is late. */
  waitFor<T>(
    what: string,
    permitted: Permitted,
    work: Promise<T>,
    seen?: () => string,
  ): Promise<T> {
    return this.options.waiting.for(what, permitted, work, seen)
  }

  /** Pre-dumps the target, and waits for the exit. Throws NotApplicable without pre-dumps. */
  async preDump(snapshot: string): Promise<Completed> {
    return (await this.start('preDump', snapshot)).exit
  }

  async dump(snapshot: string): Promise<Completed> {
    return (await this.start('dump', snapshot)).exit
  }

  async restore(snapshot: string): Promise<Completed> {
    return (await this.start('restore', snapshot)).exit
  }

  /** Starts a command and does not wait. A dump's parent is the snapshot dumped before. */
  async start(command: ClientCommand, snapshot: string): Promise<RunningCommand> {
    const { client } = this.#descriptor
    if (client?.[command] === undefined)
      throw new NotApplicable('its descriptor has no command for pre-dumps')
    const values = await this.#prepare(snapshot)
    if (command !== 'restore') this.#previous = snapshot
    this.options.trace.add('command', 'in', 'note', undefined, `${command} of ${snapshot} begins`)
    const environment = { [MARK]: this.#mark }
    const started = await startClient(this.#host, this.#descriptor, command, values, environment)
    this.#running.push(started)
    const exit = this.waitFor(
      `the exit of the ${wordOf(command)}`,
      { outcome: 'it exits', clause: command === 'restore' ? 'K18' : 'K15' },
      this.#untilExit(command, started),
    )
    // A case may await the exit later, or end before.
    exit.catch(() => {})
    return { snapshot, process: started, exit }
  }

  /** Throws Violation unless a command succeeded. */
  succeeded({ code, stderr }: Completed, what: string, clause: string): void {
    const permitted = { outcome: 'exit 0', clause }
    demand(code === 0, `the exit of the ${what}`, permitted, describeExit(code, stderr))
  }

  /** Throws Violation unless a command failed with a reason: an exit code, and no crash. */
  failed({ code, stderr, stdout }: Completed, what: string, clause: string): void {
    const permitted = { outcome: 'an exit code from 1 to 128', clause }
    const holds = code !== 0 && !isCrash(code)
    demand(holds, `the exit of the ${what}`, permitted, describeExit(code, stderr))
    const reason = `${stderr}${stdout}`.trim() !== '' || this.#hasLog()
    const told = { outcome: 'a reason in its output or in a log', clause }
    demand(reason, `the output of the ${what}`, told, 'no text')
  }

  /** Throws Violation unless the target runs on at the source, unharmed. */
  targetLives(after: string, clause = 'K15'): void {
    const permitted = { outcome: 'it runs on at the source, unharmed', clause }
    const harm = this.target.harm()
    demand(harm === '', `the target process after ${after}`, permitted, harm)
  }

  /** Waits until no process of the target is left at the source. */
  async targetIsGone(clause = 'K16'): Promise<void> {
    const { target } = this
    const gone = async () => {
      while (target.living > 0) await pause(POLL)
    }
    const permitted = { outcome: 'it is gone: a restore makes it live again', clause }
    await this.waitFor('the target process after a dump', permitted, gone())
  }

  /** Throws Violation unless the restored tree runs. */
  restoredLives(snapshot: string, clause = 'K18'): void {
    const permitted = { outcome: 'it runs at the destination', clause }
    const pid = this.#restoredPid(snapshot)
    const what = 'the process after its restore'
    demand(pid !== undefined && isAlive(pid), what, permitted, pid ? `no process ${pid}` : 'no pid')
  }

  /** Waits until no process of the tree runs after a restore that failed. */
  async nothingIsRestored(clause = 'K18'): Promise<void> {
    const running = () => this.#tree.processes().filter(({ state }) => !'ZX'.includes(state))
    const gone = async () => {
      while (running().length > 0) await pause(POLL)
    }
    const permitted = { outcome: 'no process of the tree', clause }
    await this.waitFor('the destination after a failed restore', permitted, gone(), () => {
      return `${running().length} processes`
    })
  }

  /** Waits until a request satisfies, and returns it. */
  async request(
    satisfies: (request: ClientRequest) => boolean,
    permitted: Permitted,
  ): Promise<ClientRequest> {
    const find = () => this.requests.find(satisfies)
    await this.waitFor(
      'a request',
      permitted,
      this.#changes.until(() => find() !== undefined),
    )
    return find() as ClientRequest
  }

  /** The requests for the finish of a dump. */
  get finishes(): ClientRequest[] {
    const { nullId, dumpFinish } = this.names
    return this.requests.filter(
      ({ isKnown, isRead, snapshotId, name }) =>
        isKnown && !isRead && snapshotId === nullId && name === dumpFinish,
    )
  }

  /** The requests for the finish of a restore. */
  get restoreFinishes(): ClientRequest[] {
    const { nullId, restoreFinish } = this.names
    return this.requests.filter(
      ({ isKnown, isRead, snapshotId, name }) =>
        isKnown && isRead && snapshotId === nullId && name === restoreFinish,
    )
  }

  /** The requests of images, without those of the list and the finishes. */
  get images(): ClientRequest[] {
    return this.requests.filter(
      ({ isKnown, snapshotId }) => isKnown && snapshotId !== this.names.nullId,
    )
  }

  /** Returns the files of a snapshot's directories that hold the begin of an image. */
  filesWithImages(snapshot: string): string[] {
    const images = this.images
      .map(({ bytes }) => bytes.subarray(0, SAMPLE))
      .filter((sample) => sample.length === SAMPLE && new Set(sample).size >= DISTINCT)
    return [this.id(snapshot), this.work(snapshot)].flatMap((directory) =>
      filesIn(directory).filter((file) => {
        const text = readFileSync(file)
        return images.some((image) => text.includes(image))
      }),
    )
  }

  /** Lets the event loop turn until every close that was made before now has come. */
  async settle(): Promise<void> {
    for (let each = 0; each < TURNS && this.requests.some(isOpen); each++) await turn()
  }

  /** Kills its commands, the target and the restored tree; removes its directories. */
  async stop(): Promise<void> {
    await Promise.all(this.#running.map((each) => each.kill('SIGKILL')))
    this.#target?.kill()
    await this.#tree.kill()
    await Promise.all(this.#running.map(({ exited }) => exited))
    this.proxy.die()
    this.cache.die()
    await rm(this.#root, { recursive: true, force: true, maxRetries: 3 })
  }

  async #prepare(snapshot: string): Promise<ClientValues> {
    const values = {
      pid: this.target.pid,
      directory: this.id(snapshot),
      parent: this.id(this.#previous ?? snapshot),
      work: this.work(snapshot),
      proxySocket: this.proxy.path,
      cacheSocket: this.cache.path,
      pidFile: this.#pidFile(snapshot),
    }
    if (!this.#prepared.has(snapshot)) await prepareDirectories(this.#descriptor, values)
    this.#prepared.add(snapshot)
    return values
  }

  async #untilExit(command: ClientCommand, { exited }: HostProcess): Promise<Completed> {
    const completed = await exited
    this.#stderr += completed.stderr
    await this.settle()
    const end = `${command} ends with exit ${completed.code}`
    this.options.trace.add('command', 'out', 'note', undefined, end)
    return completed
  }

  #pidFile(snapshot: string): string {
    return `${this.work(snapshot)}/restored.pid`
  }

  /** The pid of the restored root: from its file, or that of the target. */
  #restoredPid(snapshot: string): number | undefined {
    const { restore = [] } = this.#descriptor.client ?? {}
    if (!uses(restore, 'pidFile')) return this.target.pid
    const file = this.#pidFile(snapshot)
    return existsSync(file) ? Number(readFileSync(file, 'utf8')) : undefined
  }

  #hasLog(): boolean {
    return [...this.#prepared].some((snapshot) =>
      [this.id(snapshot), this.work(snapshot)].some((directory) =>
        filesIn(directory).some((file) => file.endsWith('.log')),
      ),
    )
  }
}

/** Returns a request's kind and image in words. */
export function describeRequest({ side, openMode, snapshotId, name }: ClientRequest): string {
  const word = { 0: 'read', 1: 'write', 1024: 'append' }[openMode] ?? `mode ${openMode}`
  return `${word} ${show(snapshotId, name)} at the ${side}`
}

/** Throws Violation unless every condition holds of every request. */
export function demandOfAll(
  requests: readonly ClientRequest[],
  holds: (request: ClientRequest) => boolean,
  permitted: Permitted,
  describe: (request: ClientRequest) => string,
): void {
  const wrong = requests.filter((each) => !holds(each))
  const [first] = wrong
  if (first === undefined) return
  const actual = `${describe(first)} (${wrong.length} of ${requests.length} requests)`
  throw new Violation('the requests of the client', [permitted], actual)
}

const isOpen = ({ endedAt }: ClientRequest) => endedAt === undefined

const wordOf = (command: ClientCommand) => (command === 'preDump' ? 'pre-dump' : command)

function describeExit(code: number, stderr: string): string {
  const signal = isCrash(code) ? `, the end by signal ${code - 128}` : ''
  return `exit ${code}${signal} (${lastLine(stderr)})`
}

function isAlive(pid: number): boolean {
  try {
    return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
  } catch {
    return false
  }
}

function filesIn(directory: string): string[] {
  if (!existsSync(directory)) return []
  return readdirSync(directory, { withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ name }) => `${directory}/${name}`)
}
