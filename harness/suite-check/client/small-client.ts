import type { LoadedCase } from '../../conformance/loaded-cases.ts'
import type { CaseResult } from '../../conformance/result.ts'
import type { Descriptor } from '../../implementation/descriptor.ts'
import { inC, type Program } from '../built-program.ts'
import { runQuietly } from '../run-cases.ts'

/*
 * The small client of fixtures/client/, sound or with changes. It is in C: a restore is a tree of
 * processes that connect at the same time, a write to a server that is gone raises SIGPIPE, and a
 * command starts in a millisecond, so that the suite takes seconds.
 */

/** How the small client is started. */
export interface Variant {
  dialect: 'criu-2017' | 'criu-2019'
  sockets: 'by-name' | 'by-option'
}

export const variants: readonly Variant[] = (['criu-2017', 'criu-2019'] as const).flatMap(
  (dialect) => (['by-name', 'by-option'] as const).map((sockets) => ({ dialect, sockets })),
)

export const smallClient: Program = { ...inC, name: 'client' }

/** Runs cases against a built client. */
export function runClient(
  program: string,
  cases: readonly LoadedCase[],
  options: { timeout: number; jobs: number },
  variant: Variant = { dialect: 'criu-2017', sockets: 'by-name' },
): Promise<CaseResult[]> {
  return runQuietly(descriptorOf(program, variant), cases, options)
}

function descriptorOf(program: string, { dialect, sockets }: Variant): Descriptor {
  const isByOption = sockets === 'by-option'
  const proxy = isByOption ? ['--proxy-socket', '{proxySocket}'] : []
  const cache = isByOption ? ['--cache-socket', '{cacheSocket}'] : []
  const common = ['-D', '{directory}', '-W', '{work}', '--dialect', dialect]
  return {
    name: `the small client, ${dialect}, ${sockets}`,
    dialect,
    client: {
      sockets,
      dump: [program, 'dump', '-t', '{pid}', ...common, ...proxy],
      preDump: [program, 'pre-dump', '-t', '{pid}', ...common, ...proxy],
      restore: [program, 'restore', '--pidfile', '{pidFile}', ...common, ...cache],
    },
    environment: {},
    capabilities: { append: true, inheritedConnection: false },
  }
}
