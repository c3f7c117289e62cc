import { closeSync, existsSync, openSync, readdirSync } from 'node:fs'
import { homedir } from 'node:os'
import { setTimeout as pause } from 'node:timers/promises'
import { textOf } from '../hosts/process-tree.ts'
import {
  commandLineOf,
  type DaemonFile,
  filesWith,
  isOnDisk,
  openDiskFilesWith,
  type Usage,
  usageOf,
  writtenBytes,
} from '../hosts/resources.ts'
import type { DaemonContext } from './contexts/daemon.ts'
import type { DaemonUnderTest } from './daemon-under-test.ts'
import { demand, MEGABYTE, times } from './expect.ts'
import { NotApplicable } from './not-applicable.ts'

/*
 * The demands on the resources of a daemon (clauses R), which /proc shows from outside.
 *
 * A daemon gives a connection back some time after its end, and the protocol has no event for it.
 * So a look is repeated until the demand holds, for SETTLE at most. A leak never holds, and a
 * daemon without one holds at the first look as a rule.
 */

/** How long a daemon may take to give back all that it holds, in ms. */
const SETTLE = 1_500
/** Interval between two looks, in ms. */
const POLL = 20
/** Time in which a daemon with a free descriptor accepts one more client, in ms. */
const FULL = 200

/**
 * Number of descriptors, threads, processes or zombies that may be added to those after ten
 * connections: runtimes start the threads of a pool late, and reap children in batches.
 */
export const SPARE = 32
/** Number of images of 1 MiB in a round that makes a leak of memory grow. */
const IMAGES = 96
/** Number of these images that are on their way at once. */
const REPLACED_AT_ONCE = 8
/**
 * Growth of the resident memory that a round may cause, in bytes: half of its images. A collector
 * of garbage lets the heap grow before it works, so only growth in two rounds counts.
 */
const SPARE_MEMORY = (IMAGES / 2) * MEGABYTE

/** The counts of a usage that a leak makes grow, causes first: a process has descriptors. */
const COUNTS = ['processes', 'zombies', 'threads', 'descriptors'] as const

/** The connections of one kind. */
export interface Kind {
  /** The end of the sentence "connections that ...". */
  name: string
  /** Makes `count` connections and ends them. */
  run(count: number): Promise<void>
}

/** Number of connections at once: a daemon may answer each after a while. */
const AT_ONCE = 10

/** Returns a kind of connections that are made one after the other, ten at a time. */
export function inTens(name: string, connect: () => Promise<unknown>): Kind {
  return {
    name,
    async run(count) {
      for (let left = count; left > 0; left -= AT_ONCE)
        await Promise.all(times(Math.min(left, AT_ONCE), connect))
    },
  }
}

/** Waits until a count has reached a number, or has not grown for FULL ms. */
export async function untilFull(count: () => number, most: number): Promise<void> {
  let last = -1
  while (count() < most && count() > last) {
    last = count()
    await pause(FULL)
  }
}

/** Throws NotApplicable if the processes of a daemon are not those of this machine. */
function needProcesses({ daemon }: DaemonContext): void {
  if (!daemon.canBeStopped)
    throw new NotApplicable('the suite does not see its processes: they run elsewhere')
}

/**
 * Makes ten connections, then `count` of all kinds, and demands that the daemon holds no more than
 * before (R1).
 */
export function expectGivenBack(
  context: DaemonContext,
  kinds: readonly Kind[],
  count: number,
): Promise<void> {
  needProcesses(context)
  return context.waitFor(
    `${count} connections and all that they held`,
    { outcome: 'it is given back', clause: 'R1' },
    givenBack(context, kinds, count),
  )
}

async function givenBack(
  context: DaemonContext,
  kinds: readonly Kind[],
  count: number,
): Promise<void> {
  const { tree } = context.daemon
  for (const { run } of kinds) await run(Math.ceil(10 / kinds.length))
  const before = usageOf(tree)
  const each = Math.ceil(count / kinds.length)
  let made = 0
  for (const { name, run } of kinds) {
    const now = usageOf(tree)
    await run(each)
    made += each
    const after = usageOf(tree)
    if (isLean(after, before)) continue
    const last = await settled(context, before)
    demandCounts(context, { before, after: last, made, kind: { name, growth: minus(last, now) } })
  }
}

/**
 * Replaces an image of 1 MiB a hundred times, and demands that the replaced bytes are given
 * back (R1). `replace` does so a number of times; it resolves when the daemon has all versions.
 */
export function expectMemoryGivenBack(
  context: DaemonContext,
  replace: (times: number) => Promise<unknown>,
): Promise<void> {
  needProcesses(context)
  return context.waitFor(
    `${IMAGES} images of 1 MiB, each in place of the last, and their memory`,
    { outcome: 'it is given back', clause: 'R1' },
    memoryGivenBack(context, replace),
  )
}

async function memoryGivenBack(
  context: DaemonContext,
  replace: (times: number) => Promise<unknown>,
): Promise<void> {
  const { tree } = context.daemon
  await replace(REPLACED_AT_ONCE)
  const sizes = [usageOf(tree).memory]
  for (let round = 1; round <= 2; round++) {
    for (let at = 0; at < IMAGES; at += REPLACED_AT_ONCE) await replace(REPLACED_AT_ONCE)
    sizes.push(usageOf(tree).memory)
    if (growth(sizes) <= SPARE_MEMORY) return
  }
  demand(
    false,
    `the resident memory of the ${context.role} while an image of 1 MiB is replaced`,
    {
      outcome: `at most ${inMegabytes(SPARE_MEMORY)} more with each ${IMAGES} images`,
      clause: 'R1',
    },
    sizes.map(inMegabytes).join(', then '),
  )
}

const growth = (sizes: readonly number[]) => (sizes.at(-1) ?? 0) - (sizes.at(-2) ?? 0)

/** Looks until no count has grown by more than is permitted; returns the last look. */
async function settled({ daemon }: DaemonContext, before: Usage): Promise<Usage> {
  const end = performance.now() + SETTLE
  for (;;) {
    const now = usageOf(daemon.tree)
    if (isLean(now, before) || performance.now() > end) return now
    await pause(POLL)
  }
}

/** Returns whether nothing has grown by more than is permitted. */
function isLean(now: Usage, before: Usage): boolean {
  const grown = minus(now, before)
  return COUNTS.every((key) => grown[key] <= SPARE)
}

function minus(after: Usage, before: Usage): Usage {
  const keys = Object.keys(after) as (keyof Usage)[]
  return Object.fromEntries(keys.map((key) => [key, after[key] - before[key]])) as unknown as Usage
}

/** Demands that no count has grown by more than SPARE; `kind` is the last kind of connections. */
function demandCounts(
  { role }: DaemonContext,
  {
    before,
    after,
    made,
    kind: { name, growth },
  }: { before: Usage; after: Usage; made: number; kind: { name: string; growth: Usage } },
): void {
  for (const key of COUNTS) {
    const sockets = after.sockets - before.sockets
    const kinds = key === 'descriptors' ? `; ${sockets} of them sockets` : ''
    demand(
      after[key] - before[key] <= SPARE,
      `the ${key} of the ${role} after ${made} connections`,
      { outcome: `no more than after ten, but for ${SPARE}`, clause: 'R1' },
      `${after[key]} ${key} after ${made} connections, ${before[key]} after ten${kinds}; ` +
        `${growth[key]} more with connections that ${name}`,
    )
  }
}

const inMegabytes = (bytes: number) => `${Math.round(bytes / MEGABYTE)} MiB`

/** Pieces of an image by which its bytes are recognised. */
function piecesOf(image: Buffer): Buffer[] {
  const pieces: Buffer[] = []
  const LENGTH = 48
  for (let at = 0; at + LENGTH <= image.length; at += 256 * 1024)
    pieces.push(image.subarray(at, at + LENGTH))
  return pieces
}

/** Returns a directory for temporary files that is on a disk; /tmp if none is. */
export function diskDirectory(): string {
  return ['/tmp', '/var/tmp', homedir()].find(isOnDisk) ?? '/tmp'
}

/** Looks for the bytes of an image on disks (R3). */
export class DiskWatch {
  readonly #context: DaemonContext
  readonly #image: Buffer
  readonly #before: number | undefined

  /** Begins to count the bytes that the daemon writes. */
  constructor(context: DaemonContext, image: Buffer) {
    needProcesses(context)
    this.#context = context
    this.#image = image
    this.#before = writtenBytes(context.daemon.tree)
    const { directory, temporary } = context.daemon
    if (![directory, temporary].some(isOnDisk))
      context.options.trace.add(context.role, 'out', 'note', undefined, NO_DISK)
  }

  /** Stops the daemon and demands that no byte of the image is on a disk; the text says `when`. */
  async expectNone(when: string): Promise<void> {
    await this.#context.whileStopped(async () => this.#look(when))
  }

  #look(when: string): void {
    const { daemon, role } = this.#context
    const pieces = piecesOf(this.#image)
    const directories = [daemon.directory, daemon.temporary].filter(isOnDisk)
    const files = [
      ...openDiskFilesWith(daemon.tree, pieces),
      ...directories.flatMap((directory) => filesWith(directory, pieces)),
    ]
    const none = { outcome: 'no byte of an image', clause: 'R3' }
    demand(
      files.length === 0,
      `the files of the ${role} on disks, ${when}`,
      none,
      `bytes of the image in ${describeFiles(files)}`,
    )
    const written = writtenBytes(daemon.tree)
    if (written === undefined || this.#before === undefined) return
    demand(
      written - this.#before < this.#image.length / 4,
      `the bytes that the ${role} wrote to disks, ${when}`,
      none,
      `${written - this.#before} bytes written, by the kernel's count, for an image of ${this.#image.length}`,
    )
  }
}

const NO_DISK = 'its directories are on no disk: only other files are looked at'

const describeFiles = (files: readonly DaemonFile[]) =>
  [...new Set(files.map(({ path, size }) => `${path} (${size} bytes)`))].slice(0, 5).join(', ')

/** Looks for all that a daemon leaves after its exit (R2). */
export class LeftoverWatch {
  readonly #context: DaemonContext
  /** The pids of its processes, for segments of System V. */
  readonly #pids: ReadonlySet<number>
  /** A descriptor of its own /dev/shm, which stays after its exit; undefined if it has none. */
  readonly #sharedMemory: number | undefined

  /** Begins to watch; the daemon runs. The caller calls `expectNothing` after its exit. */
  constructor(context: DaemonContext) {
    needProcesses(context)
    const { daemon } = context
    this.#context = context
    this.#pids = new Set(daemon.tree.processes().map(({ pid }) => pid))
    this.#sharedMemory = ownSharedMemory(daemon)
    if (this.#sharedMemory === undefined)
      context.options.trace.add(context.role, 'out', 'note', undefined, NO_SHARED_MEMORY)
  }

  /** Demands that nothing of the daemon is left, apart from files without bytes of the image. */
  async expectNothing(image: Buffer): Promise<void> {
    const end = performance.now() + SETTLE
    let left = this.#left(image)
    while (left.length > 0 && performance.now() < end) {
      await pause(POLL)
      left = this.#left(image)
    }
    if (this.#sharedMemory !== undefined) closeSync(this.#sharedMemory)
    const what = `the leftovers of the ${this.#context.role} after its exit`
    demand(left.length === 0, what, { outcome: 'nothing', clause: 'R2' }, left.join('; '))
  }

  #left(image: Buffer): string[] {
    const { daemon } = this.#context
    const processes = daemon.tree.processes()
    const names = [
      ...namesOf(daemon.temporary, 'in TMPDIR'),
      ...(this.#sharedMemory === undefined
        ? []
        : namesOf(`/proc/self/fd/${this.#sharedMemory}`, 'in /dev/shm')),
    ]
    const images = filesWith(daemon.directory, piecesOf(image))
    return [
      ...processes.map(({ pid, state }) => `process ${pid} (${describeProcess(pid, state)})`),
      ...(existsSync(daemon.socket) ? [`the socket ${daemon.socket}`] : []),
      ...names,
      ...(images.length > 0 ? [`bytes of an image in ${describeFiles(images)}`] : []),
      ...segmentsOf(this.#pids),
    ]
  }
}

const NO_SHARED_MEMORY = 'its /dev/shm is not looked at: only root can give it one of its own'

const describeProcess = (pid: number, state: string) =>
  'ZX'.includes(state) ? 'a zombie' : commandLineOf(pid)

/** Returns a descriptor of the /dev/shm of a daemon if it is not that of this process. */
function ownSharedMemory({ process: { pid } }: DaemonUnderTest): number | undefined {
  const mounts = textOf(`/proc/${pid}/mountinfo`)
  if (!/ \/dev\/shm .* - tmpfs criu-remote /.test(mounts)) return undefined
  return openSync(`/proc/${pid}/root/dev/shm`, 'r')
}

function namesOf(directory: string, place: string): string[] {
  const names = existsSync(directory) ? readdirSync(directory) : []
  return names.slice(0, 5).map((name) => `${name} ${place}`)
}

/** Returns the segments of System V's shared memory that these processes made. */
function segmentsOf(pids: ReadonlySet<number>): string[] {
  // The columns: key, shmid, perms, size, cpid.
  return textOf('/proc/sysvipc/shm')
    .split('\n')
    .map((row) => row.trim().split(/\s+/))
    .filter(([, , , , maker]) => pids.has(Number(maker)))
    .map(([, id]) => `segment ${id} of shared memory`)
}
