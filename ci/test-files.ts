import { globSync } from 'node:fs'

/*
 * The test files, and how shards share them. A shard is a set of whole files: shard K of N is the
 * same on every machine, and the shards together have every file exactly once.
 */

/** Seconds of the longest files, on two cores, in the usual tier and in the tier `all`. */
const WEIGHTS: Record<string, { usual: number; all: number }> = {
  'harness/suite-check/faults.test.ts': { usual: 90, all: 140 },
  'harness/suite-check/client/client.test.ts': { usual: 60, all: 200 },
  'harness/suite-check/oddities.test.ts': { usual: 80, all: 150 },
  'zdtm-mode/zdtm.test.ts': { usual: 70, all: 400 },
  'zdtm-mode/pre-dump.test.ts': { usual: 120, all: 800 },
  'zdtm-mode/failures.test.ts': { usual: 50, all: 50 },
  'harness/conformance/false-greens.test.ts': { usual: 30, all: 30 },
  'scenarios/migrate.test.ts': { usual: 30, all: 30 },
  'scenarios/migration.test.ts': { usual: 30, all: 30 },
  'scenarios/losses.test.ts': { usual: 25, all: 25 },
}
const OTHERS = { usual: 3, all: 3 }

export type Tier = 'usual' | 'all'

/** Part K of N, counted from 1. */
export interface Shard {
  part: number
  of: number
}

/** Returns the test files of a shard, longest first, so that no core idles at the end. */
export function testFiles(tier: Tier, { part, of }: Shard = { part: 1, of: 1 }): string[] {
  const files = globSync('**/*.test.ts', { exclude: ['node_modules/**'] })
  const weight = (file: string) => (WEIGHTS[file] ?? OTHERS)[tier]
  const sorted = files.toSorted((a, b) => weight(b) - weight(a) || (a < b ? -1 : 1))
  const shards = Array.from({ length: of }, () => ({ seconds: 0, files: [] as string[] }))
  for (const file of sorted) {
    const lightest = shards.reduce((least, each) => (each.seconds < least.seconds ? each : least))
    lightest.seconds += weight(file)
    lightest.files.push(file)
  }
  return shards[part - 1]?.files ?? []
}
