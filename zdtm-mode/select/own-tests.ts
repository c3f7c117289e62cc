import { globSync } from 'node:fs'
import { checkout } from '../../harness/hosts/checkout.ts'
import { readDesc } from './desc.ts'
import type { FoundTest } from './found-test.ts'

/** Returns the tests of fixtures/zdtm, sorted by name. */
export function ownTests(): FoundTest[] {
  const root = `${checkout}/fixtures/zdtm`
  return globSync('{static,transition}/*.c', { cwd: root })
    .sort()
    .map((source) => source.slice(0, -'.c'.length))
    .map((program) => ({
      name: `zdtm/${program}`,
      program,
      desc: readDesc(`${root}/${program}.desc`),
    }))
}
