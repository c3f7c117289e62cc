import { XMLBuilder } from 'fast-xml-parser'
import type { CaseResult, Results } from '../result.ts'
import { describeEvent } from './describe-event.ts'
import { printableTexts } from './printable-results.ts'

/**
 * Returns the results as JUnit XML for CI servers, with a suite for each group of cases. A failure
 * of the implementation is a `failure`, trouble of the harness an `error`, and a case that did not
 * run `skipped`; each has its reason.
 */
export function junit(raw: Results): string {
  // XML 1.0 cannot hold control characters and lone surrogates, escaped or not.
  const results = printableTexts(raw)
  const groups = Map.groupBy(results.cases, ({ group }) => group)
  const suites = [...groups].map(([group, cases]) => ({
    ...totals(group, cases),
    '@timestamp': results.date.slice(0, 19),
    testcase: cases.map(testCase),
  }))
  const { '@skipped': _, ...all } = totals(results.implementation, results.cases)
  const builder = new XMLBuilder({
    ignoreAttributes: false,
    attributeNamePrefix: '@',
    format: true,
    suppressEmptyNode: true,
  })
  return builder.build({
    '?xml': { '@version': '1.0', '@encoding': 'UTF-8' },
    testsuites: { ...all, testsuite: suites },
  })
}

function totals(name: string, cases: readonly CaseResult[]) {
  const number = (...outcomes: CaseResult['outcome'][]) =>
    cases.filter(({ outcome }) => outcomes.includes(outcome)).length
  return {
    '@name': name,
    '@tests': cases.length,
    '@failures': number('fail', 'unexpected-pass'),
    '@errors': number('inconclusive'),
    '@skipped': number('not-applicable', 'not-run', 'expected-fail'),
    '@time': seconds(cases.reduce((sum, { duration }) => sum + duration, 0)),
  }
}

function testCase(result: CaseResult) {
  return {
    '@name': `${result.id} (${result.clauses.join(', ')})`,
    '@classname': result.group,
    '@time': seconds(result.duration),
    ...judgement(result),
    ...(result.trace.length > 0 &&
      result.outcome !== 'pass' && {
        'system-out': result.trace.map(describeEvent).join('\n'),
      }),
    ...(result.stderr !== undefined && { 'system-err': result.stderr }),
  }
}

function judgement(result: CaseResult) {
  const message = result.actual ?? ''
  switch (result.outcome) {
    case 'fail':
    case 'unexpected-pass':
      return {
        failure: { '@message': message, '@type': result.outcome, '#text': explain(result) },
      }
    case 'inconclusive':
      return {
        error: { '@message': message.split('\n')[0], '@type': result.outcome, '#text': message },
      }
    case 'not-applicable':
    case 'not-run':
    case 'expected-fail':
      return { skipped: { '@message': `${result.outcome}: ${message}` } }
    default:
      return {}
  }
}

function explain({ about, what, expected = [], actual, repeat }: CaseResult): string {
  const permitted = expected.map(({ outcome, clause }) => `  ${outcome} [${clause}]`).join('\n')
  return [
    about,
    what ?? '',
    `permitted:\n${permitted}`,
    `got: ${actual ?? ''}`,
    `again: ${repeat}`,
  ].join('\n')
}

const seconds = (milliseconds: number) => (milliseconds / 1000).toFixed(3)
