import { fileOn, type Host, shell } from '../../../harness/hosts/host.ts'
import { askAgain } from '../../../harness/implementation/listening.ts'
import { ENOENT } from '../../../proto/index.ts'
import { readImage } from '../../../reference/index.ts'
import type { PlannedTest } from '../../plan.ts'
import type { Relay, SeenOpen } from '../relay.ts'
import type { TestDirectory } from '../test-directory.ts'
import { expect, violation } from './expect.ts'
import { expectRefused } from './refused-reads.ts'

/*
 * Checks for processes that vanished between pre-dump and dump.
 *
 * After pre-dump N the file stepN appears in the directory of the program `vanish`. The program
 * then ends and starts processes and writes stepN.done: lines `ROLE PID`, where ROLE is stays,
 * vanished, born or reused, and PID is the process's pid in its own namespace. CRIU asks the parent
 * snapshot for the images of each process that it dumps. Images of a process born since never
 * existed, and ENOENT must come at once. Nothing asks for the images of a vanished process, so
 * these checks do.
 */

/** The number of steps that the program can take. */
const STEPS = 9
/** Deadline of a step of the program, in ms. */
const STEP_TIMEOUT = 60_000

type Roles = Map<string, number[]>

/**
 * The processes of a program `vanish`; of any other program there are none, and every check holds.
 */
export class VanishedProcesses {
  readonly #stepFile: string
  readonly #test: PlannedTest
  readonly #stepsBefore: number
  #roles: Roles = new Map()

  /** `stepsBefore` is the number of steps in earlier migrations of the same program. */
  constructor({ directory }: TestDirectory, test: PlannedTest, stepsBefore: number) {
    this.#stepFile = `${directory}/test.dirname/step`
    this.#test = test
    this.#stepsBefore = stepsBefore
  }

  /** Whether the program took a step after each pre-dump; each step starts processes that stay. */
  get hasSteps(): boolean {
    return this.#roles.size > 0
  }

  /**
   * Lets the program take the step after pre-dump number `preDump`, if it has one left. Throws a
   * Violation at the deadline.
   */
  async takeStep(host: Host, preDump: number): Promise<void> {
    const step = this.#stepsBefore + preDump
    this.#roles = new Map()
    if (!this.#test.name.endsWith('/vanish') || step > STEPS) return
    const file = `${this.#stepFile}${step}`
    await shell(host, ': >"$1"', [file])
    const done = await askAgain(() => fileOn(host, `${file}.done`), STEP_TIMEOUT)
    if (done !== undefined) {
      this.#roles = rolesOf(done.toString())
      return
    }
    const permitted = `its end within ${STEP_TIMEOUT} ms`
    throw violation(`step ${step} of the program`, permitted, 'nothing', { side: 'program' })
  }

  /**
   * Throws a Violation unless the dump asked for images that never existed and got ENOENT at once.
   */
  async expectNoneAtProxy(
    relay: Relay,
    snapshots: readonly string[],
    opens: readonly SeenOpen[],
  ): Promise<void> {
    if (!this.hasSteps) return
    const parent = snapshots.at(-2) as string
    for (const pid of this.#pids('born')) expectRefused(parent, `pagemap-${pid}.img`, opens)
    await this.#expectNone('proxy', relay, snapshots.at(-1) as string, 'P1')
  }

  /**
   * Throws a Violation unless the cache, after the end of the dump, answers ENOENT for missing
   * images.
   */
  async expectNoneAtCache(
    relay: Relay,
    snapshots: readonly string[],
    opens: readonly SeenOpen[],
  ): Promise<void> {
    if (!this.hasSteps) return
    await this.#expectNone('cache', relay, snapshots.at(-1) as string, 'C3')
    const refused = opens.some(
      ({ role, purpose, error }) => role === 'cache' && purpose === 'read' && error === ENOENT,
    )
    const what = 'images that the restore asked for and that never existed'
    expect(refused, what, 'ENOENT from the cache', 'no such read', { clause: 'C3' })
  }

  async #expectNone(
    role: 'proxy' | 'cache',
    relay: Relay,
    snapshot: string,
    clause: string,
  ): Promise<void> {
    for (const pid of this.#pids('vanished')) {
      const name = `core-${pid}.img`
      const image = await readImage(relay.path(role), snapshot, name)
      const what = `${snapshot}:${name}, of a process that vanished before`
      expect(image === undefined, what, 'ENOENT', `${image?.length} bytes`, { clause, side: role })
    }
  }

  #pids(role: string): readonly number[] {
    return this.#roles.get(role) ?? []
  }
}

/** Returns the pids of each role. */
function rolesOf(text: string): Roles {
  const roles: Roles = new Map()
  for (const line of text.trim().split('\n')) {
    const [role = '', pid] = line.split(' ')
    roles.set(role, [...(roles.get(role) ?? []), Number(pid)])
  }
  return roles
}
