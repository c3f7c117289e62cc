import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Level } from '../../harness/conformance/register.ts'
import {
  type CaseResult,
  count,
  type Outcome,
  type Results,
  verdict,
} from '../../harness/conformance/result.ts'
import { bundle } from '../../harness/hosts/bundle.ts'
import { cacheDirectory, checkout } from '../../harness/hosts/checkout.ts'
import {
  type Host,
  HostError,
  type HostProcess,
  lastLine,
  shell,
} from '../../harness/hosts/host.ts'
import {
  type AgentLine,
  type GivenPlan,
  NO_GROUND,
  type Plan,
  type ZdtmOutcome,
  type ZdtmResult,
} from '../plan.ts'
import { buildPrograms } from './build-programs.ts'
import { keptTrace } from './shorten-trace.ts'

/*
 * The launcher's side: hands the plan to the agent, hears what becomes of the tests, and makes results of it that have the same
 * shape as those of `conform`, so that every report, and `compare`, can be made of them.
 */

export interface Heard {
  onReady: (line: Extract<AgentLine, { event: 'ready' }>) => void
  onBegin: (name: string, flavor: string) => void
  onResult: (result: ZdtmResult) => void
  onKept: (piece: Extract<AgentLine, { event: 'kept' }>) => void
}

/** Ports of a guest, in which one test runs at a time: one for each mount. */
const PORTS = 2

/** Threads of the agent's pool: each mount holds one, two for each test that runs, and the rest is for files and look-ups. */
const THREADS = 64

/** Runs the plan by an agent in the host, with the tests in a guest of it if there is to be one. Throws HostError if the agent dies. */
export async function runByAgent(
  host: Host,
  guest: { kernel: string; kvm: boolean } | undefined,
  plan: Plan,
  { onReady, onBegin, onResult, onKept }: Heard,
): Promise<void> {
  const hear = (line: string) => {
    const said = JSON.parse(line) as AgentLine
    if (said.event === 'ready') onReady(said)
    if (said.event === 'begin') onBegin(said.name, said.flavor)
    if (said.event === 'kept') onKept(said)
    if (said.event === 'result') onResult(said.result)
  }
  const directory = await host.directory()
  const programs = await buildPrograms(host)
  const shares = [plan.mode.criu, ...sourcesOf(plan)]
  const given = { ...plan, programs, ...(guest && { guest: { ...guest, shares, ports: PORTS } }) }
  await writeIn(host, `${directory}/plan.json`, JSON.stringify(given satisfies GivenPlan))
  const script = [...host.node, `${checkout}/zdtm-mode/agent/agent.ts`, `${directory}/plan.json`]
  const command = ['env', `UV_THREADPOOL_SIZE=${THREADS}`, ...script]
  const agent = await startBundled(host, command, hear)
  const { code, stderr } = await agent.exited
  if (code === NO_GROUND) throw new HostError(lastLine(stderr))
  if (code !== 0)
    throw new HostError(
      `running the tests in ${host.name}: expected the agent to end with exit 0, got ${code}: ${reasonIn(stderr)}`,
    )
}

/** Of what Node prints of an exception the line that says it. */
const reasonIn = (stderr: string) => /Error\]?: (.*)$/m.exec(stderr)?.[1] ?? lastLine(stderr)

/** Starts a command by scripts that are bundled for it. The bundle lies in the checkout, which the host sees. */
async function startBundled(
  host: Host,
  command: readonly string[],
  onLine: (line: string) => void,
): Promise<HostProcess> {
  await mkdir(cacheDirectory, { recursive: true })
  const directory = await mkdtemp(`${cacheDirectory}/bundle-`)
  const remove = () => rm(directory, { recursive: true, force: true })
  try {
    const { command: bundled, environment } = await bundle(command, directory)
    const started = await host.start(bundled, { environment, onLine })
    return { ...started, exited: started.exited.finally(remove) }
  } catch (thrown) {
    await remove()
    throw thrown
  }
}

/** Where CRIU's own tests are: their directory `test`. */
const sourcesOf = ({ tests }: Plan) => [
  ...new Set(
    tests.flatMap(({ program }) =>
      program.startsWith('/') ? dirname(dirname(dirname(program))) : [],
    ),
  ),
]

/** Writes a text of any length: a parameter of a command may have 128 KiB. */
async function writeIn(host: Host, path: string, text: string): Promise<void> {
  for (const piece of text.match(/.{1,30000}/gsu) ?? [])
    await shell(host, 'printf %s "$2" >>"$1"', [path, piece])
}

const OUTCOMES: Record<ZdtmOutcome, Outcome> = {
  pass: 'pass',
  fail: 'fail',
  skipped: 'not-applicable',
  inconclusive: 'inconclusive',
}
const LEVEL: Level = 'must'

/** The results of a run in the shape of those of the suite. */
export function resultsOf(
  results: readonly ZdtmResult[],
  {
    plan,
    began,
    duration,
    command,
    system,
  }: { plan: Plan; began: Date; duration: number; command: string; system?: Results['system'] },
): Results {
  const cases = results.map((result) => caseOf(result, command))
  const { version } = JSON.parse(readFileSync(`${checkout}/package.json`, 'utf8')) as {
    version: string
  }
  return {
    tool: 'criu-remote zdtm',
    version,
    implementation: plan.mode.descriptor?.name ?? 'reference',
    dialect: plan.mode.descriptor?.dialect ?? 'auto',
    date: began.toISOString(),
    seed: 0,
    duration,
    ...(system && { system }),
    caseSet: createHash('sha256')
      .update(cases.map(({ id }) => id).join('\n'))
      .digest('hex'),
    counts: count(cases),
    verdict: verdict(cases),
    cases,
  }
}

function caseOf(
  {
    name,
    flavor,
    outcome,
    what,
    permitted,
    clause,
    actual,
    tail,
    clauses,
    trace,
    duration,
    dumps,
  }: ZdtmResult,
  command: string,
): CaseResult {
  const pages = dumps.map(
    ({ written, skipped }, at) =>
      `dump ${at + 1}: ${written} pages written, ${skipped} left to the parent`,
  )
  return {
    id: `${name.replaceAll('/', '-')}-${flavor}`,
    group: name,
    clauses,
    level: LEVEL,
    role: 'pair',
    about: `${name} in flavor ${flavor}, dumped and restored through proxy and cache. ${pages.join('; ')}`,
    outcome: OUTCOMES[outcome],
    ...(what !== undefined && { what }),
    ...(permitted !== undefined && { expected: [{ outcome: permitted, clause: clause ?? '' }] }),
    ...(actual !== undefined && { actual: outcome === 'skipped' ? `skipped: ${actual}` : actual }),
    ...(tail !== undefined && { stderr: tail }),
    trace: outcome === 'pass' ? keptTrace(trace) : trace,
    ...(outcome === 'fail' && { signature: `${what}: ${permitted}` }),
    seed: 0,
    runSeed: 0,
    duration,
    passed: outcome === 'pass' ? 1 : 0,
    runs: 1,
    repeat: `${command} -t ${name} -f ${flavor}`,
  }
}
