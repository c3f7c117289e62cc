import type { LoadedCase } from './loaded-cases.ts'
import { clauses } from './register.ts'

/** docs/clauses.md: every clause, and the cases that judge it. */
export function describeClauses(loaded: readonly LoadedCase[]): string {
  const sections = [...Map.groupBy(clauses, ({ section }) => section)]
  const rows = (own: typeof clauses) =>
    own.map(
      ({ id, level, dialects, source, text }) =>
        `| ${id} | ${level} | ${dialects?.join(' ') ?? 'all'} | ${source} | ${text} | ${casesOf(loaded, id)} |`,
    )
  return `# Clauses

Made by \`npm run docs\` from harness/conformance/register.ts and the cases; \`npm test\` checks that it is current. Source: the
design of December 2015, what CRIU did on the wire while it carried \`--remote\`, or this project where both are silent.

${sections.map(([section, own]) => `## ${section}\n\n| id | level | dialects | source | clause | cases |\n|---|---|---|---|---|---|\n${rows(own).join('\n')}\n`).join('\n')}
${loaded.length} cases, ${clauses.length} clauses.
`
}

function casesOf(loaded: readonly LoadedCase[], id: string): string {
  return loaded
    .filter(({ value }) => value.clauses.includes(id))
    .map(({ value }) => `\`${value.id}\``)
    .join(' ')
}
