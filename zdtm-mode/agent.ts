import { mkdir, readFile } from 'node:fs/promises'
import { release } from 'node:os'
import { execa } from 'execa'
import { type AgentLine, type GivenPlan, INIT, type PlannedTest, type ZdtmResult } from './plan.ts'
import { dumpsOtherUsers } from './program.ts'
import { runTest } from './run-test.ts'
import { whyNot } from './why-not.ts'

/*
 * What runs inside the host: a container, or a virtual machine within one. It takes the whole plan at its start, since a guest's Node
 * takes seconds to start, and prints a line of JSON for each thing that happens. Needs root, and a tmpfs at /run.
 */

const BASE = '/run/criu-remote-zdtm'
/** Bytes of an image in one line. */
const PIECE = 192 * 1024
const TAINTED = '/proc/sys/kernel/tainted'

/** Runs all tests of the plan. */
export async function runPlan(plan: GivenPlan): Promise<void> {
  const { tests, mode, parallel, keepGoing, ignoreTaint, programs } = plan
  await mkdir(BASE, { recursive: true })
  // The pool is there by now; what is started here must not have one of that size.
  delete process.env['UV_THREADPOOL_SIZE']
  const { stdout } = await execa(mode.criu, ['--version'])
  const asRoot = tests.some(({ parameters }) => parameters !== undefined) && !dumpsOtherUsers()
  say({ event: 'ready', kernel: release(), criu: stdout.split('\n')[0]?.replace('Version: ', '') ?? '', asRoot })
  const tainted = await readFile(TAINTED, 'utf8')
  const has = features(mode.criu)
  let failed = false
  let next = 0

  const run = async (test: PlannedTest): Promise<void> => {
    say({ event: 'begin', name: test.name, flavor: test.flavor })
    const result = failed && !keepGoing ? skipped(test, 'an earlier test failed, and --keep-going is not given') : await attempt(test)
    failed ||= result.outcome === 'fail' || result.outcome === 'inconclusive'
    say({ event: 'result', result })
  }

  const attempt = async (test: PlannedTest): Promise<ZdtmResult> => {
    const reason = await whyNot(test, mode, has)
    if (reason !== undefined) return skipped(test, reason)
    const program = test.program.startsWith('/') ? test.program : `${programs}/${test.program}`
    const base = `${BASE}/${next++}`
    const { kept, ...result } = await runTest({ ...test, program }, mode, { base, init: `${programs}/${INIT}` })
    if (mode.keepImages === 'always' || (mode.keepImages === 'failed' && result.outcome !== 'pass')) hand(test, kept)
    const taint = await readFile(TAINTED, 'utf8')
    if (!ignoreTaint && taint !== tainted && result.outcome === 'pass')
      return { ...result, outcome: 'fail', what: 'the kernel', permitted: `tainted ${tainted.trim()}`, actual: `tainted ${taint.trim()}` }
    return result
  }

  const alone = tests.filter(({ desc }) => desc.flags.includes('excl'))
  const others = tests.filter((test) => !alone.includes(test))
  const queue = others.values()
  await Promise.all(Array.from({ length: parallel }, () => takeFrom(queue, run)))
  await takeFrom(alone.values(), run)

  async function takeFrom(queue: Iterable<PlannedTest>, act: (test: PlannedTest) => Promise<void>): Promise<void> {
    for (const test of queue) await act(test)
  }
}

/** Hands images over to the launcher, in pieces: a guest has no other way to it. */
function hand({ name, flavor }: PlannedTest, kept: ReadonlyMap<string, Buffer>): void {
  for (const [file, bytes] of kept)
    for (let at = 0; at === 0 || at < bytes.length; at += PIECE)
      say({ event: 'kept', name, flavor, file, base64: bytes.toString('base64', at, Math.min(at + PIECE, bytes.length)) })
}

/** Asks CRIU once for each feature. */
function features(criu: string): (feature: string) => Promise<boolean> {
  const asked = new Map<string, Promise<boolean>>()
  return (feature) => {
    const answer =
      asked.get(feature) ??
      execa(criu, ['check', '--feature', feature], { reject: false, timeout: 20_000 }).then(({ exitCode }) => exitCode === 0)
    asked.set(feature, answer)
    return answer
  }
}

function skipped({ name, flavor }: PlannedTest, actual: string): ZdtmResult {
  return { name, flavor, outcome: 'skipped', actual, clauses: [], trace: [], duration: 0, dumps: [] }
}

const say = (line: AgentLine) => process.stdout.write(`${JSON.stringify(line)}\n`)

const [plan] = process.argv.slice(2)
if (plan !== undefined) await runPlan(JSON.parse(await readFile(plan, 'utf8')) as GivenPlan)
