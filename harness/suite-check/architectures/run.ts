import { usualCases } from '../../../scenarios/index.ts'
import { basicRank } from '../../conformance/basic-cases.ts'
import { groupFailures } from '../../conformance/failure-groups.ts'
import type { LoadedCase } from '../../conformance/loaded-cases.ts'
import type { CaseResult } from '../../conformance/result.ts'
import type { Descriptor } from '../../implementation/descriptor.ts'
import { withProgram } from '../built-program.ts'
import { described, type FirstFailure } from '../first-failure.ts'
import { found, runQuietly } from '../run-cases.ts'
import type { Architecture, ArchitectureFault } from './architecture.ts'

/** Deadline of a case at a fault, in ms: many cases find a fault by waiting for all of it. */
const FAULT_TIMEOUT = 5_000
/** Deadline of a case at the sound implementation, in ms, as that of `conform`. */
const SOUND_TIMEOUT = 20_000

/** Builds an implementation, does some work with its descriptor, and removes it. */
export function withBuilt<T>(
  architecture: Architecture,
  fault: ArchitectureFault | undefined,
  work: (descriptor: Descriptor) => Promise<T>,
): Promise<T> {
  const name = fault?.id ?? architecture.name
  return withProgram(architecture, fault === undefined ? [] : [fault], (program) =>
    work(descriptorOf(architecture, name, program)),
  )
}

/** Runs all usual cases against the sound implementation. Returns those that are not a pass. */
export async function soundRun(descriptor: Descriptor, seed: number): Promise<CaseResult[]> {
  const options = { timeout: SOUND_TIMEOUT, jobs: 2, seed }
  const results = await runQuietly(descriptor, usualCases, options)
  return results.filter(({ outcome }) => outcome !== 'pass' && outcome !== 'not-applicable')
}

/** Runs the finder of a fault once. Returns its failure, or undefined if it does not find it. */
export async function finderRun(
  descriptor: Descriptor,
  { finder }: ArchitectureFault,
  seed: number,
): Promise<FirstFailure | undefined> {
  const loaded = caseOf(finder)
  const timeout = timeoutOf(loaded)
  const [failure] = (await runQuietly(descriptor, [loaded], { timeout, jobs: 1, seed })).filter(
    found,
  )
  return failure === undefined ? undefined : described(failure)
}

/** Returns the deadline of a finder, in ms: a thousand connections take longer than one. */
function timeoutOf({ value }: LoadedCase): number {
  return value.clauses.some((id) => id.startsWith('R')) ? SOUND_TIMEOUT : FAULT_TIMEOUT
}

/**
 * Runs the usual cases of the role of the fault, the basic ones first, until one fails. Returns the
 * failure that a report shows first, or undefined if no case fails.
 */
export async function firstOfWholeRun(
  descriptor: Descriptor,
  { finder }: ArchitectureFault,
): Promise<FirstFailure | undefined> {
  const { role } = caseOf(finder).value
  const rank = ({ value }: LoadedCase) => basicRank(value.id) ?? Number.MAX_SAFE_INTEGER
  const cases = usualCases
    .filter(({ value }) => value.role === role)
    .toSorted((one, other) => rank(one) - rank(other))
  const options = { timeout: FAULT_TIMEOUT, jobs: 3, seed: 1, bail: 1 }
  const [group] = groupFailures((await runQuietly(descriptor, cases, options)).filter(found))
  return group === undefined ? undefined : described(group.first)
}

/** Returns the case with an id. Throws if no case has it. */
export function caseOf(id: string): LoadedCase {
  const found = usualCases.find(({ value }) => value.id === id)
  if (found === undefined) throw new Error(`no case is called ${id}`)
  return found
}

function descriptorOf({ dialect }: Architecture, name: string, program: string): Descriptor {
  const command = (role: string, option: string) => ({
    command: [program, role, '--socket', '{socket}', option, '{host}:{port}'],
  })
  return {
    name,
    dialect,
    proxy: command('proxy', '--connect'),
    cache: command('cache', '--listen'),
    environment: {},
    capabilities: { append: true, inheritedConnection: false },
  }
}
