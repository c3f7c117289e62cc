import type { DaemonDescription, Descriptor } from '../implementation/descriptor.ts'
import type { LoadedCase } from './loaded-cases.ts'
import { type CaseResult, isSound, verdict } from './result.ts'
import { runCases } from './runner.ts'

/*
 * Proxies times caches: every proxy of some descriptors with every cache of them.
 *
 * When a pair fails, somebody is to blame: the one that fails alone as well, where the harness plays its peer. If neither does, the
 * pair has found what the cases for one side do not show, and nobody is named.
 */

export interface Cell {
  proxy: string
  cache: string
  /** Cases for pairs that did not pass. */
  failed: readonly string[]
  /** Who fails alone; empty where nobody does. */
  guilty: readonly ('proxy' | 'cache')[]
}

export interface MatrixOptions {
  /** The cases to run. */
  suite: readonly LoadedCase[]
  descriptors: readonly Descriptor[]
  jobs: number
  /** Deadline of a case, in seconds. */
  timeout: number
  onStep(what: string): void
}

/** Runs all pairs. Throws HostError if a daemon does not start at all. */
export async function matrix(options: MatrixOptions): Promise<Cell[]> {
  const loaded = options.suite
  const alone = new Map<DaemonDescription, boolean>()
  const cells: Cell[] = []
  for (const proxies of options.descriptors) {
    for (const caches of options.descriptors) {
      if (proxies.proxy === undefined || caches.cache === undefined) continue
      const failed = (await run(options, combine(proxies, caches), 'pair', loaded))
        .filter((result) => !isSound(result))
        .map(({ id }) => id)
      const guilty = failed.length === 0 ? [] : await blame(options, alone, loaded, proxies, caches)
      cells.push({ proxy: proxies.name, cache: caches.name, failed, guilty })
    }
  }
  return cells
}

async function blame(
  options: MatrixOptions,
  alone: Map<DaemonDescription, boolean>,
  loaded: readonly LoadedCase[],
  proxies: Descriptor,
  caches: Descriptor,
) {
  const guilty: ('proxy' | 'cache')[] = []
  for (const [role, descriptor] of [
    ['proxy', proxies],
    ['cache', caches],
  ] as const) {
    const daemon = descriptor[role] as DaemonDescription
    const sound =
      alone.get(daemon) ?? verdict(await run(options, descriptor, role, loaded)) === 'conformant'
    alone.set(daemon, sound)
    if (!sound) guilty.push(role)
  }
  return guilty
}

function run(
  { jobs, timeout, onStep }: MatrixOptions,
  descriptor: Descriptor,
  role: 'proxy' | 'cache' | 'pair',
  loaded: readonly LoadedCase[],
): Promise<CaseResult[]> {
  onStep(role === 'pair' ? descriptor.name : `${role} of ${descriptor.name} alone`)
  const cases = loaded.filter(({ value }) => value.role === role)
  return runCases({
    ...{
      descriptor,
      cases,
      jobs,
      repeat: 1,
      seed: 1,
      timeout: timeout * 1000,
      command: 'criu-remote conform',
      onResult() {},
    },
    // Of one side alone it is asked only whether it is sound.
    ...(role !== 'pair' && { untilFailure: true }),
  })
}

/** A descriptor with the proxy of one and the cache of another. */
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

function own(descriptor: Descriptor, role: 'proxy' | 'cache'): DaemonDescription {
  const { environment, workingDirectory } = descriptor
  return {
    ...(descriptor[role] as DaemonDescription),
    environment,
    ...(workingDirectory !== undefined && { workingDirectory }),
  }
}
