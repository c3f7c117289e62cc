import { fileOn, type Host, shell } from '../../../harness/hosts/host.ts'
import { askAgain } from '../../../harness/implementation/listening.ts'
import { readImage } from '../../../reference/index.ts'
import type { PlannedTest } from '../../plan.ts'
import { expect, Finding } from '../finding.ts'
import type { Relay, SeenOpen } from '../relay.ts'
import type { Place } from '../test-directory.ts'

/*
 * The case of the subprocess that vanished between pre-dump and dump.
 *
 * The program `vanish` does something behind pre-dump N, when the file stepN appears in its directory, and then writes stepN.done:
 * lines `ROLE PID`, where ROLE is stays, vanished, born or reused. A pid is that which the process has itself. CRIU
 * asks the parent snapshot for the images of each process that it dumps; those of a process born since never existed, and
 * 'no' must come at once. The images of one that vanished are asked for by nobody, so they are asked for here.
 */

/** 'At once', in ms, for a proxy on a busy machine; it has nothing to wait for. */
const AT_ONCE = 2_000
const STEP_TIMEOUT = 60_000

type Roles = Map<string, number[]>

export class Steps {
  readonly #files: string
  readonly #test: PlannedTest
  #roles: Roles = new Map()

  constructor({ directory }: Place, test: PlannedTest) {
    this.#files = `${directory}/test.dirname/step`
    this.#test = test
  }

  /** Lets the program take the step behind pre-dump number `step`. */
  async take(host: Host, step: number): Promise<void> {
    if (!this.#isFor()) return
    await shell(host, ': >"$1"', [`${this.#files}${step}`])
    const done = await askAgain(() => fileOn(host, `${this.#files}${step}.done`), STEP_TIMEOUT)
    if (done === undefined)
      throw new Finding(
        `step ${step} of the program`,
        `its end within ${STEP_TIMEOUT} ms`,
        'nothing',
      )
    this.#roles = rolesOf(done.toString())
  }

  /** The dump asked for images that never existed: 'no', at once. */
  async expectNoneAtProxy(
    relay: Relay,
    snapshots: readonly string[],
    opens: readonly SeenOpen[],
  ): Promise<void> {
    if (this.#roles.size === 0) return
    const parent = snapshots.at(-2) as string
    for (const pid of this.#pids('born')) {
      const asked = opens.filter(
        (open) =>
          open.role === 'proxy' &&
          open.purpose === 'read' &&
          open.snapshotId === parent &&
          open.name === `pagemap-${pid}.img`,
      )
      expect(
        asked.length > 0,
        `reads of ${parent}:pagemap-${pid}.img, of a process born since`,
        'at least one',
        'none',
      )
      for (const { error, waited = Number.POSITIVE_INFINITY } of asked) {
        expect(
          error === 2,
          `the answer to the read of ${parent}:pagemap-${pid}.img`,
          'ENOENT',
          String(error),
          'L4',
        )
        expect(
          waited < AT_ONCE,
          `the answer to the read of ${parent}:pagemap-${pid}.img`,
          'at once',
          `after ${waited} ms`,
          'P1',
        )
      }
    }
    await this.#expectNone(relay.path('proxy'), snapshots.at(-1) as string, 'P1')
  }

  /** After the end of the dump the cache knows as well what will not come. */
  async expectNoneAtCache(
    relay: Relay,
    snapshots: readonly string[],
    opens: readonly SeenOpen[],
  ): Promise<void> {
    if (this.#roles.size === 0) return
    await this.#expectNone(relay.path('cache'), snapshots.at(-1) as string, 'C3')
    const refused = opens.filter(
      ({ role, purpose, error }) => role === 'cache' && purpose === 'read' && error === 2,
    )
    expect(
      refused.length > 0,
      'images that the restore asked for and that never existed',
      'ENOENT from the cache',
      'no such read',
      'C3',
    )
  }

  async #expectNone(socket: string, snapshot: string, clause: string): Promise<void> {
    for (const pid of this.#pids('vanished')) {
      const name = `core-${pid}.img`
      const image = await readImage(socket, snapshot, name)
      expect(
        image === undefined,
        `${snapshot}:${name}, of a process that vanished before`,
        'ENOENT',
        `${image?.length} bytes`,
        clause,
      )
    }
  }

  #pids(role: string): readonly number[] {
    return this.#roles.get(role) ?? []
  }

  #isFor(): boolean {
    return this.#test.name.endsWith('/vanish')
  }
}

function rolesOf(text: string): Roles {
  const lines = text
    .trim()
    .split('\n')
    .map((line) => line.split(' ') as [role: string, pid: string])
  return new Map(
    [...Map.groupBy(lines, ([role]) => role)].map(([role, all]) => [
      role,
      all.map(([, pid]) => Number(pid)),
    ]),
  )
}
