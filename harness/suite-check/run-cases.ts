import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { relative } from 'node:path'
import type { LoadedCase } from '../conformance/loaded-cases.ts'
import type { CaseResult } from '../conformance/result.ts'
import { runCases } from '../conformance/runner.ts'
import { type Bundled, bundle } from '../hosts/bundle.ts'
import { checkout, hostCommands } from '../hosts/checkout.ts'
import { HostError } from '../hosts/host.ts'
import type { Descriptor } from '../implementation/descriptor.ts'
import { tunedEnvironment } from '../implementation/tuning.ts'
import { changed, type Mutant } from './mutant.ts'

/** Stands in kills.json for a case if the implementation does not start. */
export const START = '(start)'

/** Number of cases from which making a bundle, which takes two seconds, saves time. */
const MANY = 6

/**
 * Returns the descriptor of an implementation with the changes of all mutants; `command` runs it.
 */
function descriptorOf(mutants: readonly Mutant[], { command, environment }: Bundled): Descriptor {
  const dialect = mutants.find((mutant) => mutant.dialect)?.dialect ?? 'auto'
  const common = ['--dialect', dialect, '--socket', '{socket}']
  return {
    name: mutants.map(({ id }) => id).join(' and '),
    dialect,
    proxy: { command: [...command, 'proxy', ...common, '--connect', '{host}:{port}'] },
    cache: { command: [...command, 'cache', ...common, '--listen', '{host}:{port}'] },
    environment: { ...tunedEnvironment(), ...environment },
    capabilities: { append: true, inheritedConnection: true },
  }
}

/** The result of an implementation that did not start. */
export class NotStarted {
  readonly why: string

  constructor(why: string) {
    this.why = why
  }
}

/**
 * Runs cases against one implementation with the changes of all mutants. Returns the results, or a
 * NotStarted.
 */
export async function runMutants(
  mutants: readonly Mutant[],
  cases: readonly LoadedCase[],
  options: QuietOptions,
): Promise<CaseResult[] | NotStarted> {
  const directory = await mkdtemp(`${tmpdir()}/criu-remote-mutant-`)
  try {
    const descriptor = descriptorOf(mutants, await made(mutants, cases.length, directory))
    return await runQuietly(descriptor, cases, options).catch(notStarted)
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

/** The options of a run without progress. */
interface QuietOptions {
  /** Deadline of a case, in ms. */
  timeout: number
  jobs: number
  bail?: number
  /** Default: 1. */
  seed?: number
}

/** Runs cases once each, without progress. */
export function runQuietly(
  descriptor: Descriptor,
  cases: readonly LoadedCase[],
  options: QuietOptions,
): Promise<CaseResult[]> {
  return runCases({ descriptor, cases, seed: 1, ...options, repeat: 1, command: '', onResult() {} })
}

function notStarted(thrown: unknown): NotStarted {
  if (thrown instanceof HostError) return new NotStarted(thrown.message)
  throw thrown
}

/**
 * Makes the implementation: a bundle for many cases. A .proto file is read, and so changed, when
 * the mutant runs.
 */
async function made(
  mutants: readonly Mutant[],
  cases: number,
  directory: string,
): Promise<Bundled> {
  if (cases < MANY || mutants.some(({ file }) => file.endsWith('.proto'))) {
    return {
      command: [
        process.execPath,
        `${checkout}/harness/suite-check/run-mutant.ts`,
        mutants.map(({ id }) => id).join(),
      ],
      environment: {},
    }
  }
  const { environment } = await bundle([], directory, (path, text) =>
    changed(mutants, relative(checkout, path), text),
  )
  return {
    command: hostCommands(process.execPath, environment).daemons,
    environment,
  }
}

/** Whether a case finds something wrong with the implementation. */
export const found = ({ outcome }: CaseResult) => outcome === 'fail' || outcome === 'warn'

/** Whether a case and a mutant have a clause in common. */
export function shareClause({ value }: LoadedCase, { clauses }: Mutant): boolean {
  return value.clauses.some((id) => clauses.includes(id))
}
