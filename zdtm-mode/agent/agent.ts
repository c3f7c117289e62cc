import { readFile } from 'node:fs/promises'
import { breakpointsFire } from '../../harness/criu/breakpoints.ts'
import { hasFeature } from '../../harness/criu/criu.ts'
import { type Host, HostError, output } from '../../harness/hosts/host.ts'
import { thisMachine } from '../../harness/hosts/machine.ts'
import {
  type AgentLine,
  BREAKPOINT,
  type GivenPlan,
  INIT,
  NO_GROUND,
  type PlannedTest,
  type ZdtmResult,
} from '../plan.ts'
import { describe, runTest } from '../test/run-test.ts'
import { type Ground, prepareGround, taintOf } from './machine-for-tests.ts'
import { whyNot } from './skip-reason.ts'

/*
 * What runs inside the host, a container: it has the whole plan from its start, boots guests if the tests are to run in such, and prints a
 * line of JSON for each thing that happens. Needs root, and a tmpfs at /run.
 */

const BASE = '/run/criu-remote-zdtm'
/** Bytes of an image in one line. */
const PIECE = 192 * 1024

/** Runs all tests of the plan: on this kernel, or in as many guests as tests may run at once. */
async function runPlan(plan: GivenPlan): Promise<void> {
  const { guest, programs, tests, parallel } = plan
  // The pool is there by now; what is started here must not have one of that size.
  delete process.env['UV_THREADPOOL_SIZE']
  const here = await thisMachine(`${programs}/${INIT}`)
  const prepared: Promise<Ground>[] = []
  const prepare = () => {
    const ground = prepareGround(here, programs, guest)
    prepared.push(ground)
    return ground
  }
  try {
    const count = guest === undefined ? 1 : Math.min(parallel, tests.length)
    await runOn(await Promise.all(Array.from({ length: count }, prepare)), prepare, plan)
  } finally {
    const settled = await Promise.allSettled(prepared)
    await Promise.all(settled.map((each) => each.status === 'fulfilled' && each.value.stop()))
    await here.host.stop()
  }
}

/** `another` prepares one more, in place of a guest that ended. */
async function runOn(
  grounds: readonly Ground[],
  another: () => Promise<Ground>,
  plan: GivenPlan,
): Promise<void> {
  const { tests, mode, parallel, keepGoing, ignoreTaint, programs } = plan
  const [first] = grounds as [Ground]
  const { host } = first.machine
  await breakpointsFire(host, `${programs}/${BREAKPOINT}`)
  const [kernel, version] = await Promise.all([
    output(host, ['uname', '-r']),
    output(host, [mode.criu, '--version']),
  ])
  const asRoot = tests.some(({ parameters }) => parameters !== undefined) && !first.dumpsOtherUsers
  const criu = version.split('\n')[0]?.replace('Version: ', '') ?? ''
  say({
    event: 'ready',
    kernel: kernel.trim(),
    criu,
    asRoot,
    ...(first.booted && { booted: first.booted }),
  })
  const has = features(mode.criu)
  let failed = false
  let next = 0

  const run = async (test: PlannedTest, ground: Ground): Promise<void> => {
    say({ event: 'begin', name: test.name, flavor: test.flavor })
    const result =
      failed && !keepGoing
        ? skipped(test, 'an earlier test failed, and --keep-going is not given')
        : await attempt(test, ground).catch((thrown) => ({
            ...skipped(test, ''),
            ...describe(thrown),
          }))
    failed ||= result.outcome === 'fail' || result.outcome === 'inconclusive'
    say({ event: 'result', result })
  }

  const attempt = async (test: PlannedTest, ground: Ground): Promise<ZdtmResult> => {
    const reason = await whyNot(ground.machine.host, test, mode, has)
    if (reason !== undefined) return skipped(test, reason)
    const program = test.program.startsWith('/') ? test.program : `${programs}/${test.program}`
    const base = `${BASE}/${next++}`
    const { kept, ...result } = await runTest({ ...test, program }, mode, {
      base,
      ground,
      programs,
    })
    if (mode.keepImages === 'always' || (mode.keepImages === 'failed' && result.outcome !== 'pass'))
      hand(test, kept)
    const taint = await taintOf(ground.machine.host)
    if (!ignoreTaint && taint !== ground.tainted && result.outcome === 'pass')
      return {
        ...result,
        outcome: 'fail',
        what: 'the kernel',
        permitted: `tainted ${ground.tainted}`,
        actual: `tainted ${taint}`,
      }
    return result
  }

  const alone = tests.filter(({ desc }) => desc.flags.includes('excl'))
  const others = tests.filter((test) => !alone.includes(test))
  const queue = others.values()
  await Promise.all(
    Array.from({ length: parallel }, (_, at) =>
      takeFrom(queue, grounds[at % grounds.length] as Ground),
    ),
  )
  await takeFrom(alone.values(), first)

  async function takeFrom(queue: Iterable<PlannedTest>, given: Ground): Promise<void> {
    let ground = given
    for (const test of queue) {
      if (ground.hasEnded()) ground = await another()
      await run(test, ground)
    }
  }
}

/** Hands images over to the launcher, in pieces: its output is the only way there. */
function hand({ name, flavor }: PlannedTest, kept: ReadonlyMap<string, Buffer>): void {
  for (const [file, bytes] of kept)
    for (let at = 0; at === 0 || at < bytes.length; at += PIECE)
      say({
        event: 'kept',
        name,
        flavor,
        file,
        base64: bytes.toString('base64', at, Math.min(at + PIECE, bytes.length)),
      })
}

/** Asks CRIU once for each feature, on any of the grounds: they have the same kernel. Again where that one ended before it answered. */
function features(criu: string): (host: Host, feature: string) => Promise<boolean> {
  const asked = new Map<string, Promise<boolean>>()
  return (host, feature) => {
    const answer = asked.get(feature) ?? hasFeature(host, criu, feature)
    asked.set(feature, answer)
    answer.catch(() => asked.delete(feature))
    return answer
  }
}

function skipped({ name, flavor }: PlannedTest, actual: string): ZdtmResult {
  return {
    name,
    flavor,
    outcome: 'skipped',
    actual,
    clauses: [],
    trace: [],
    duration: 0,
    dumps: [],
  }
}

const say = (line: AgentLine) => process.stdout.write(`${JSON.stringify(line)}\n`)

const [plan] = process.argv.slice(2)
if (plan !== undefined)
  await runPlan(JSON.parse(await readFile(plan, 'utf8')) as GivenPlan).catch((thrown) => {
    if (!(thrown instanceof HostError)) throw thrown
    process.stderr.write(`${thrown.message}\n`)
    process.exitCode = NO_GROUND
  })
