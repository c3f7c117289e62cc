import type { Clause } from './clause.ts'
import type { LoadedCase } from './loaded-cases.ts'
import { clauses } from './register.ts'

/** Column at which prose is wrapped. */
const WIDTH = 100

const INTRODUCTION =
  'Made by `npm run docs` from harness/conformance/clauses/ and the cases; `npm test` checks ' +
  'that it is current. The source of a clause is the design of December 2015 (design), CRIU on ' +
  'the wire while it carried `--remote` (criu), or this project where both are silent (ours).'

/** Returns the text of docs/clauses.md: every clause, and the cases that judge it. */
export function describeClauses(loaded: readonly LoadedCase[]): string {
  const sections = Map.groupBy(clauses, ({ section }) => section)
  return [
    '# Clauses',
    wrap(INTRODUCTION),
    ...[...sections].flatMap(([section, own]) => [
      `## ${section}`,
      ...own.flatMap((clause) => describeClause(clause, loaded)),
    ]),
    `${loaded.length} cases, ${clauses.length} clauses.\n`,
  ].join('\n\n')
}

function describeClause(clause: Clause, loaded: readonly LoadedCase[]): string[] {
  const { id, level, dialects, source, text, weaker, loss, origin } = clause
  const cases = loaded.filter(({ value }) => value.clauses.includes(id))
  return [
    `### ${id}`,
    wrap(text),
    ...(weaker === undefined ? [] : [wrap(`${weaker.level.toUpperCase()}: ${weaker.text}`)]),
    ...(loss === undefined ? [] : [wrap(`If it is broken: ${loss}`)]),
    wrap(`Comes from: ${origin}`),
    `Level: ${level}. Dialects: ${dialects?.join(', ') ?? 'all'}. Source: ${source}. Cases:`,
    cases.map(({ value }) => `- \`${value.id}\``).join('\n') || '- none',
  ]
}

function wrap(text: string): string {
  const lines = ['']
  for (const word of text.split(' ')) {
    const line = lines.at(-1) as string
    if (line === '') lines[lines.length - 1] = word
    else if (line.length + 1 + word.length <= WIDTH) lines[lines.length - 1] = `${line} ${word}`
    else lines.push(word)
  }
  return lines.join('\n')
}
