import type { DaemonDescription, Descriptor } from '../implementation/descriptor.ts'
import type { LoadedCase } from './loaded-cases.ts'
import { type CaseResult, isSound, verdict } from './result.ts'
import { runCases } from './runner.ts'

/*
 * Every proxy of some descriptors runs with every cache of them.
 *
 * If a pair fails, the guilty side is the one that fails alone as well, where the harness plays its
 * peer. If both pass alone, the pair shows a fault that no case for one side shows, and no side is
 * named.
 */

/** One proxy with one cache. */
export interface Cell {
  proxy: string
  cache: string
  /** The cases for pairs that did not pass. */
  failed: readonly string[]
  /** The sides that fail alone as well. */
  guilty: readonly ('proxy' | 'cache')[]
}

export interface MatrixOptions {
  /** The cases to run. */
  suite: readonly LoadedCase[]
  descriptors: readonly Descriptor[]
  /** Cases at once. */
  jobs: number
  /** Deadline of a case, in seconds. */
  timeout: number
  onStep(what: string): void
}

/** Runs all pairs. Throws HostError if a daemon does not start at all. */
export async function matrix(options: MatrixOptions): Promise<Cell[]> {
  const judge = new Judge(options)
  const { descriptors } = options
  const proxies = descriptors.filter(({ proxy }) => proxy !== undefined)
  const caches = descriptors.filter(({ cache }) => cache !== undefined)
  const cells: Cell[] = []
  for (const proxy of proxies)
    for (const cache of caches) cells.push(await judge.cell(proxy, cache))
  return cells
}

class Judge {
  readonly #options: MatrixOptions
  /** Whether a daemon passes alone; each is run once. */
  readonly #alone = new Map<DaemonDescription, boolean>()

  constructor(options: MatrixOptions) {
    this.#options = options
  }

  async cell(proxy: Descriptor, cache: Descriptor): Promise<Cell> {
    const results = await this.#run(combine(proxy, cache), 'pair')
    const failed = results.filter((result) => !isSound(result)).map(({ id }) => id)
    const guilty = failed.length === 0 ? [] : await this.#guilty(proxy, cache)
    return { proxy: proxy.name, cache: cache.name, failed, guilty }
  }

  async #guilty(proxy: Descriptor, cache: Descriptor): Promise<Cell['guilty']> {
    const guilty: ('proxy' | 'cache')[] = []
    if (!(await this.#passesAlone(proxy, 'proxy'))) guilty.push('proxy')
    if (!(await this.#passesAlone(cache, 'cache'))) guilty.push('cache')
    return guilty
  }

  async #passesAlone(descriptor: Descriptor, role: 'proxy' | 'cache'): Promise<boolean> {
    const daemon = descriptor[role] as DaemonDescription
    const known = this.#alone.get(daemon)
    if (known !== undefined) return known
    const passes = verdict(await this.#run(descriptor, role)) === 'conformant'
    this.#alone.set(daemon, passes)
    return passes
  }

  #run(descriptor: Descriptor, role: 'proxy' | 'cache' | 'pair'): Promise<CaseResult[]> {
    const { suite, jobs, timeout, onStep } = this.#options
    onStep(role === 'pair' ? descriptor.name : `${role} of ${descriptor.name} alone`)
    return runCases({
      descriptor,
      cases: suite.filter(({ value }) => value.role === role),
      jobs,
      repeat: 1,
      seed: 1,
      timeout: timeout * 1000,
      command: 'criu-remote conform',
      onResult() {},
      // The only question to one side alone is whether it passes.
      ...(role !== 'pair' && { bail: 1 }),
    })
  }
}

/** Returns a descriptor with the proxy of one and the cache of another. */
function combine(proxies: Descriptor, caches: Descriptor): Descriptor {
  return {
    name: `${proxies.name} with ${caches.name}`,
    dialect: proxies.dialect,
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
function own(descriptor: Descriptor, role: 'proxy' | 'cache'): DaemonDescription {
  const { environment, workingDirectory } = descriptor
  return {
    ...(descriptor[role] as DaemonDescription),
    environment,
    ...(workingDirectory !== undefined && { workingDirectory }),
  }
}
