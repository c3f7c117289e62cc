import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { z } from 'zod'
import { parseJson } from '../../harness/checked.ts'
import {
  type CaseResult,
  count,
  type Outcome,
  type Results,
  verdict,
} from '../../harness/conformance/result.ts'
import { checkout } from '../../harness/hosts/checkout.ts'
import type { ZdtmOutcome, ZdtmResult } from '../agent-line.ts'
import type { Plan } from '../plan.ts'
import { shortenTrace } from './shorten-trace.ts'

/*
 * Results of tests in the shape of `conform`'s, from which every report and `compare` can be made.
 */

const OUTCOMES: Record<ZdtmOutcome, Outcome> = {
  pass: 'pass',
  fail: 'fail',
  skipped: 'not-applicable',
  inconclusive: 'inconclusive',
}

/** Facts about a run; `command` repeats it when `-t` and `-f` are added. */
export interface RunFacts {
  plan: Plan
  began: Date
  command: string
  system?: Results['system']
}

/** Returns the results of a run that ends now. */
export function resultsOf(
  results: readonly ZdtmResult[],
  { plan, began, command, system }: RunFacts,
): Results {
  const { descriptor } = plan.mode
  const cases = results.map((result) => caseOf(result, command))
  const ids = cases.map(({ id }) => id).join('\n')
  return {
    tool: 'criu-remote zdtm',
    version: versionOfTool(),
    implementation: descriptor?.name ?? 'reference',
    dialect: descriptor?.dialect ?? 'auto',
    date: began.toISOString(),
    seed: 0,
    duration: Date.now() - began.getTime(),
    ...(system && { system }),
    caseSet: createHash('sha256').update(ids).digest('hex'),
    counts: count(cases),
    verdict: verdict(cases),
    cases,
  }
}

function versionOfTool(): string {
  const file = `${checkout}/package.json`
  const schema = z.object({ version: z.string() })
  return parseJson(schema, readFileSync(file, 'utf8'), `reading ${file}`).version
}

function caseOf(result: ZdtmResult, command: string): CaseResult {
  const { name, flavor, outcome, clauses, trace, duration } = result
  return {
    id: `${name.replaceAll('/', '-')}-${flavor}`,
    group: name,
    clauses,
    level: 'must',
    role: 'pair',
    about: aboutOf(result),
    outcome: OUTCOMES[outcome],
    ...observationOf(result),
    trace: outcome === 'pass' ? shortenTrace(trace) : trace,
    seed: 0,
    runSeed: 0,
    duration,
    passed: outcome === 'pass' ? 1 : 0,
    runs: 1,
    repeat: `${command} -t ${name} -f ${flavor}`,
  }
}

function aboutOf({ name, flavor, dumps }: ZdtmResult): string {
  const pages = dumps.map(
    ({ written, skipped }, at) =>
      `dump ${at + 1}: ${written} pages written, ${skipped} left to the parent`,
  )
  return `${name} in flavor ${flavor}, dumped and restored through proxy and cache. ${pages.join('; ')}`
}

/** Returns the part of a result that a passed test lacks. */
function observationOf({ outcome, what, permitted, actual, tail }: ZdtmResult) {
  return {
    ...(what !== undefined && { what }),
    ...(permitted && { expected: permitted }),
    ...(actual !== undefined && { actual: outcome === 'skipped' ? `skipped: ${actual}` : actual }),
    ...(tail !== undefined && { stderr: tail }),
    ...(outcome === 'fail' && { signature: `${what}: ${permitted?.[0]?.outcome}` }),
  }
}
