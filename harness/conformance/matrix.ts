import type { DaemonDescription, Descriptor } from '../implementation/descriptor.ts'
import { packageVersion } from '../package-version.ts'
import { caseSet, type LoadedCase } from './loaded-cases.ts'
import { failedOf, type Part, partOf, type Reason } from './matrix-part.ts'
import { type CaseResult, count, type Results, verdict } from './result.ts'
import { runCases } from './runner.ts'

/*
 * Every proxy of some descriptors runs with every cache of them.
 *
 * Each side is judged alone first, where the harness plays its peer. A side that is not sound alone
 * is guilty, and its pairs do not run: their failures would name no side. If a pair of two sound
 * sides fails, it shows a fault that no case for one side shows, and no side is named.
 */

type Side = 'proxy' | 'cache'

/** An implementation of a matrix. */
export interface Implementation {
  descriptor: Descriptor
  /** Its name, which no other implementation of the matrix has. */
  label: string
  /** The command that runs its cases alone. */
  command: string
}

/** A side that is not sound alone. */
export interface Guilt extends Reason {
  side: Side
}

/** One proxy with one cache. */
export interface Cell {
  proxy: string
  cache: string
  verdict: Results['verdict']
  /** The cases for pairs that did not pass; none ran if a side is guilty. */
  failed: readonly string[]
  guilty: readonly Guilt[]
  /** Whether each side was judged alone: false if no case for one side is selected. */
  judgedAlone: boolean
  /** The simplest failure of the pair itself. */
  reason?: Reason
}

export interface MatrixOptions {
  /** The cases to run. */
  suite: readonly LoadedCase[]
  implementations: readonly Implementation[]
  /** The command that runs the matrix again, without the options that select cases. */
  command: string
  /** Cases at once. */
  jobs: number
  /** Deadline of a case, in seconds. */
  timeout: number
  /** Interrupts the run; the reason is one phrase. */
  signal?: AbortSignal
  onStep(what: string): void
}

/** A judged matrix: its cells, and the cases of all sides and pairs as results. */
export interface Matrix {
  cells: Cell[]
  results: Results
}

/** Judges all sides and pairs. Throws HostError if a daemon does not start at all. */
export async function matrix(options: MatrixOptions): Promise<Matrix> {
  const date = new Date().toISOString()
  const begin = performance.now()
  const judge = new Judge(options)
  const { implementations, suite } = options
  const cells: Cell[] = []
  for (const proxy of implementations.filter(({ descriptor }) => descriptor.proxy !== undefined))
    for (const cache of implementations.filter(({ descriptor }) => descriptor.cache !== undefined))
      cells.push(await judge.cell(proxy, cache))
  const { cases } = judge
  const dialects = new Set(implementations.map(({ descriptor }) => descriptor.dialect))
  const results: Results = {
    tool: 'criu-remote matrix',
    version: packageVersion(),
    implementation: `matrix of ${implementations.map(({ label }) => label).join(', ')}`,
    dialect: [...dialects].join(', '),
    date,
    seed: SEED,
    duration: Math.round(performance.now() - begin),
    caseSet: caseSet(suite),
    counts: count(cases),
    verdict: verdict(cases),
    cases,
  }
  return { cells, results }
}

/** The seed of all cases: two matrices of the same daemons are the same. */
const SEED = 1

const NOT_JUDGED: Part = { cases: [], verdict: 'conformant', reason: undefined }

class Judge {
  readonly #options: MatrixOptions
  readonly #parts = new Map<string, Part>()

  constructor(options: MatrixOptions) {
    this.#options = options
  }

  /** The cases of all parts. */
  get cases(): CaseResult[] {
    return [...this.#parts.values()].flatMap(({ cases }) => cases)
  }

  async cell(proxy: Implementation, cache: Implementation): Promise<Cell> {
    const sides = [
      { side: 'proxy' as const, part: await this.#alone(proxy, 'proxy') },
      { side: 'cache' as const, part: await this.#alone(cache, 'cache') },
    ]
    const guilty = sides.flatMap(({ side, part: { reason } }) =>
      reason === undefined ? [] : [{ side, ...reason }],
    )
    const [guilt] = guilty
    const pair =
      guilt === undefined ? await this.#pair(proxy, cache) : this.#blockedPair(proxy, cache, guilt)
    const verdicts = [...sides.map(({ part }) => part.verdict), pair.verdict]
    const isBroken = verdicts.includes('not conformant')
    return {
      proxy: proxy.label,
      cache: cache.label,
      verdict: isBroken
        ? 'not conformant'
        : (verdicts.find((each) => each !== 'conformant') ?? 'conformant'),
      failed: guilt === undefined ? failedOf(pair) : [],
      guilty,
      judgedAlone: sides.every(({ part }) => part !== NOT_JUDGED),
      ...(guilt === undefined && pair.reason !== undefined && { reason: pair.reason }),
    }
  }

  async #alone({ descriptor, label, command }: Implementation, role: Side): Promise<Part> {
    const name = `${role} of ${label}`
    const known = this.#parts.get(name)
    if (known !== undefined) return known
    this.#options.onStep(`${name} alone`)
    // Where the user selects cases for pairs only, the sides count as sound.
    if (this.#casesOf(role).length === 0) return NOT_JUDGED
    const cases = await this.#run(descriptor, role, command)
    return this.#keep(name, `${label}.`, cases)
  }

  async #pair(proxy: Implementation, cache: Implementation): Promise<Part> {
    const name = `${proxy.label} with ${cache.label}`
    this.#options.onStep(name)
    const descriptor = combine(proxy, cache)
    const cases = await this.#run(descriptor, 'pair', this.#options.command)
    return this.#keep(name, `${name}.`, cases)
  }

  /** Returns the cases of a pair that does not run, since a side is guilty. */
  #blockedPair(proxy: Implementation, cache: Implementation, guilt: Guilt): Part {
    const name = `${proxy.label} with ${cache.label}`
    const actual = `the ${guilt.side} alone is not sound: ${guilt.case} failed`
    const cases = this.#casesOf('pair').map(({ value }): CaseResult => {
      const { id, clauses, level = 'must', role, about } = value
      return {
        ...{ id, clauses, level, role, about, group: name },
        ...{ outcome: 'blocked', actual, blockedBy: guilt.case, trace: [] },
        ...{ seed: SEED, runSeed: SEED, duration: 0, passed: 0, runs: 1 },
        repeat: `${this.#options.command} --only ${id}`,
      }
    })
    return this.#keep(name, `${name}.`, cases)
  }

  #keep(name: string, prefix: string, results: readonly CaseResult[]): Part {
    const part = partOf(name, prefix, results)
    this.#parts.set(name, part)
    return part
  }

  #run(descriptor: Descriptor, role: Side | 'pair', command: string): Promise<CaseResult[]> {
    const { jobs, timeout, signal } = this.#options
    return runCases({
      descriptor,
      cases: this.#casesOf(role),
      jobs,
      repeat: 1,
      seed: SEED,
      timeout: timeout * 1000,
      command,
      blocks: true,
      ...(signal !== undefined && { signal }),
      onResult() {},
    })
  }

  #casesOf(role: Side | 'pair'): LoadedCase[] {
    return this.#options.suite.filter(({ value }) => value.role === role)
  }
}

/** Returns a descriptor with the proxy of one and the cache of another. */
function combine(
  { descriptor: proxies, label: proxy }: Implementation,
  { descriptor: caches, label: cache }: Implementation,
): Descriptor {
  return {
    name: `${proxy} with ${cache}`,
    dialect: proxies.dialect === 'auto' ? caches.dialect : proxies.dialect,
    proxy: own(proxies, 'proxy'),
    cache: own(caches, 'cache'),
    environment: {},
    capabilities: {
      append: proxies.capabilities.append && caches.capabilities.append,
      inheritedConnection: false,
    },
  }
}

/** Returns a daemon with the environment and working directory of its own descriptor. */
function own(descriptor: Descriptor, role: Side): DaemonDescription {
  const { environment, workingDirectory } = descriptor
  return {
    ...(descriptor[role] as DaemonDescription),
    environment,
    ...(workingDirectory !== undefined && { workingDirectory }),
  }
}
