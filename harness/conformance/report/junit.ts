import { XMLBuilder } from 'fast-xml-parser'
import type { CaseResult, Results } from '../result.ts'
import { type Cause, causeOf, causesFirst, causesOf, describeExtent } from './causes.ts'
import { describeEvent } from './describe-event.ts'
import { printableTexts } from './printable-results.ts'

/**
 * Returns the results as JUnit XML for CI servers, with a suite for each group of cases. A failure
 * of the implementation is a `failure`, trouble of the harness an `error`, and a case that was
 * blocked or did not run `skipped`; each has its reason. Of failures that look the same, the first
 * has the full text and their number, the others name it.
 */
export function junit(raw: Results): string {
  // XML 1.0 cannot hold control characters and lone surrogates, escaped or not.
  const results = printableTexts(raw)
  const causes = causesOf(results.cases)
  const groups = Map.groupBy(causesFirst(results.cases, causes), ({ group }) => group)
  const suites = [...groups].map(([group, cases]) => ({
    ...totals(group, cases),
    '@timestamp': results.date.slice(0, 19),
    testcase: cases.map((result) => testCase(result, causeOf(result, causes))),
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
    '@skipped': number('not-applicable', 'not-run', 'blocked', 'expected-fail', 'flaky'),
    '@time': seconds(cases.reduce((sum, { duration }) => sum + duration, 0)),
  }
}

function testCase(result: CaseResult, cause: Cause | undefined) {
  const isFirst = cause === undefined || cause.first === result
  return {
    '@name': `${result.id} (${result.clauses.join(', ')})`,
    '@classname': result.group,
    '@time': seconds(result.duration),
    ...judgement(result, cause),
    ...(result.trace.length > 0 &&
      result.outcome !== 'pass' &&
      isFirst && { 'system-out': result.trace.map(describeEvent).join('\n') }),
    ...(result.stderr !== undefined && isFirst && { 'system-err': result.stderr }),
  }
}

function judgement(result: CaseResult, cause: Cause | undefined) {
  const message = result.actual ?? ''
  const alike = cause !== undefined && cause.first !== result ? `as ${cause.first.id}: ` : ''
  switch (result.outcome) {
    case 'fail':
    case 'unexpected-pass':
      return {
        failure: {
          '@message': `${alike}${message}`,
          '@type': result.outcome,
          '#text': alike === '' ? explain(result, cause) : `${alike}again: ${result.repeat}`,
        },
      }
    case 'inconclusive':
      return {
        error: {
          '@message': `${alike}${message.split('\n')[0]}`,
          '@type': result.outcome,
          '#text': message,
        },
      }
    case 'not-applicable':
    case 'not-run':
    case 'blocked':
    case 'expected-fail':
    case 'flaky':
      return { skipped: { '@message': `${result.outcome}: ${message}` } }
    default:
      return {}
  }
}

function explain(
  { about, what, expected = [], actual, note, repeat }: CaseResult,
  cause: Cause | undefined,
): string {
  const permitted = expected.map(({ outcome, clause }) => `  ${outcome} [${clause}]`).join('\n')
  const extent = cause === undefined ? '' : describeExtent(cause)
  return [
    about,
    what ?? '',
    `permitted:\n${permitted}`,
    `got: ${actual ?? ''}`,
    ...(note === undefined ? [] : [note]),
    ...(extent === '' ? [] : [extent]),
    `again: ${repeat}`,
  ].join('\n')
}

const seconds = (milliseconds: number) => (milliseconds / 1000).toFixed(3)
