import { faults } from './faults.ts'
import { oddities } from './oddities.ts'

/** The cases that find each fault, by its id. */
export type Kills = Record<string, string[]>

/** docs/kill-matrix.md. */
export function describeKills(kills: Kills): string {
  const rows = faults.map(
    ({ id, clauses, about }) =>
      `| ${id} | ${clauses.join(' ')} | ${about} | ${kills[id]?.map((finder) => `\`${finder}\``).join(' ')} |`,
  )
  const odd = oddities.map(
    ({ id, clauses, about, together }) =>
      `| ${id} | ${clauses.join(' ')} | ${about} | ${together} |`,
  )
  return `# The suite, tested

Made by \`npm run kill-matrix\`; \`npm test\` checks that it is current and that its kills still happen.

## Faults

Each is the reference with one change (harness/suite-check/faults.ts). The last column has cases that find it; \`(start)\` means that
it does not get as far as a case.

| fault | clauses | what it does | found by |
|---|---|---|---|
${rows.join('\n')}

## Legal oddities

What the protocol permits although the reference does not do it (harness/suite-check/oddities.ts). No case of its clauses may fail on
one alone, and no case at all on an implementation that has all of one letter.

| oddity | permitted by | what it does | together |
|---|---|---|---|
${odd.join('\n')}
`
}
