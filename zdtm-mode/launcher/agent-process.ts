import { dirname } from 'node:path'
import { parseJson } from '../../harness/checked.ts'
import { checkout } from '../../harness/hosts/checkout.ts'
import { type Host, HostError, lastLine, shell } from '../../harness/hosts/host.ts'
import { agentLine, type LineOf, NO_MACHINE, type ZdtmResult } from '../agent-line.ts'
import type { GivenPlan, Plan, TestId } from '../plan.ts'
import { buildPrograms } from './build-programs.ts'
import { startBundled } from './start-bundled.ts'

/* The launcher's end of the agent: gives it the plan and hands its lines on as they come. */

export interface Listener {
  onReady: (line: LineOf<'ready'>) => void
  onBegin: (test: TestId) => void
  onResult: (result: ZdtmResult) => void
  onSaved: (piece: LineOf<'saved'>) => void
}

/** A guest's kernel, and whether to try KVM. */
export interface GuestKernel {
  kernel: string
  kvm: boolean
}

/** Ports of a guest: one test runs in it at a time, with two mounts. */
const PORTS = 2

/**
 * Threads of the agent's pool. Each mount holds one, so a running test holds two; the others serve
 * files and look-ups.
 */
const THREADS = 64

/**
 * Runs the plan by an agent in the host; the tests run in a guest of the host if one is given.
 * Throws HostError if the agent fails.
 */
export async function runByAgent(
  host: Host,
  guest: GuestKernel | undefined,
  plan: Plan,
  listener: Listener,
): Promise<void> {
  const file = await writePlan(host, guest, plan)
  const agent = [...host.node, `${checkout}/zdtm-mode/agent/agent.ts`, file]
  const command = ['env', `UV_THREADPOOL_SIZE=${THREADS}`, ...agent]
  const badLine = Promise.withResolvers<never>()
  badLine.promise.catch(() => {})
  const started = await startBundled(host, command, (line) => {
    try {
      passOn(line, listener)
    } catch (thrown) {
      badLine.reject(HostError.from(thrown, `running the tests in ${host.name}`))
    }
  })
  const { code, stderr } = await Promise.race([started.exited, badLine.promise])
  if (code === NO_MACHINE) throw new HostError(lastLine(stderr))
  if (code !== 0)
    throw new HostError(
      `running the tests in ${host.name}: expected the agent to end with exit 0, got ${code}: ${errorIn(stderr)}`,
    )
}

/** Writes the plan into the host and returns the file's path. */
async function writePlan(host: Host, guest: GuestKernel | undefined, plan: Plan): Promise<string> {
  const directory = await host.directory()
  const programs = await buildPrograms(host)
  const shares = [plan.mode.criu, ...criuTestDirectories(plan)]
  const given: GivenPlan = {
    ...plan,
    programs,
    ...(guest && { guest: { ...guest, shares, ports: PORTS } }),
  }
  const file = `${directory}/plan.json`
  await writeOn(host, file, JSON.stringify(given))
  return file
}

function passOn(text: string, { onReady, onBegin, onResult, onSaved }: Listener): void {
  const line = parseJson(agentLine, text, 'reading a line of the agent')
  if (line.event === 'ready') onReady(line)
  if (line.event === 'begin') onBegin(line)
  if (line.event === 'saved') onSaved(line)
  if (line.event === 'result') onResult(line.result)
}

/** Returns the line of a Node exception that has its message. */
const errorIn = (stderr: string) => /Error\]?: (.*)$/m.exec(stderr)?.[1] ?? lastLine(stderr)

/** Returns the directories `test` of the checkouts of CRIU whose tests are planned. */
function criuTestDirectories({ tests }: Plan): string[] {
  const programs = tests.map(({ program }) => program).filter((path) => path.startsWith('/'))
  return [...new Set(programs.map((path) => dirname(dirname(dirname(path)))))]
}

/** Writes a text of any length, in pieces: one argument of a command has at most 128 KiB. */
async function writeOn(host: Host, path: string, text: string): Promise<void> {
  for (const piece of text.match(/.{1,30000}/gsu) ?? [])
    await shell(host, 'printf %s "$2" >>"$1"', [path, piece])
}
