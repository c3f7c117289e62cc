import type { Command } from 'commander'
import { Failure, fail } from './failure.ts'

/* `criu-remote list`, `explain` and `compare`: the cases and clauses, and results side by side. */

export function addCases(program: Command): void {
  program
    .command('list')
    .summary('list the cases, or the clauses')
    .description('Lists the cases of the conformance suite.')
    .option('--clauses', 'list the clauses, with the cases of each')
    .option('--json', 'as JSON')
    .action(list)
  program
    .command('explain')
    .summary('explain a case or a clause')
    .description('Prints a case in full, or a clause with its text and its cases.')
    .argument('<id>', 'of a case, as proxy-read-back, or of a clause, as L3')
    .option('--json', 'as JSON')
    .action(explain)
  program
    .command('compare')
    .summary('compare results of several implementations or versions')
    .description('Puts results.json files side by side, a column each.')
    .argument('<results...>', 'results.json files, the one to compare with first')
    .option('--regressions', 'only cases that are worse than in the first')
    .option('--json', 'as JSON')
    .addHelpText('after', '\nExits 1 if a case is worse than in the first, else 0.')
    .action(compareResults)
}

async function list({ clauses: byClause, json }: { clauses?: true; json?: true }): Promise<void> {
  const { allCases: loaded } = await import('../../scenarios/index.ts')
  const { clauses } = await import('../conformance/register.ts')
  const cases = loaded.map(({ group, value: { run: _, ...about } }) => ({
    group,
    level: 'must',
    ...about,
  }))
  const listed = byClause
    ? clauses.map((each) => ({
        ...each,
        cases: cases.filter((one) => one.clauses.includes(each.id)).map(({ id }) => id),
      }))
    : cases
  if (json) return print(JSON.stringify(listed, null, 2))
  for (const each of listed) {
    if ('text' in each)
      print(
        `${each.id.padEnd(4)}${each.level.padEnd(7)}${each.text}\n           ${each.cases.join(' ') || '(no case)'}`,
      )
    else print(`${each.id.padEnd(44)}${each.clauses.join(' ').padEnd(16)}${each.about}`)
  }
}

async function explain(id: string, { json }: { json?: true }): Promise<void> {
  const { allCases: loaded } = await import('../../scenarios/index.ts')
  const { clauses } = await import('../conformance/register.ts')
  const clause = clauses.find((each) => each.id === id)
  const found = loaded.find(({ value }) => value.id === id)
  if (clause !== undefined) {
    const cases = loaded
      .filter(({ value }) => value.clauses.includes(id))
      .map(({ value }) => value.id)
    if (json) return print(JSON.stringify({ ...clause, cases }, null, 2))
    return print(
      `${clause.id} (${clause.section}; ${clause.level}; source: ${clause.source})\n${clause.text}\ncases: ${cases.join(', ')}`,
    )
  }
  if (found === undefined)
    throw new Failure(2, `explaining ${id}: there is no such case and no such clause`)
  const { run: _, ...about } = found.value
  if (json) return print(JSON.stringify({ group: found.group, ...about }, null, 2))
  const cited = about.clauses.map(
    (each) => `  ${each}: ${clauses.find((one) => one.id === each)?.text}`,
  )
  print(
    `${about.id} (${about.role}; ${about.level ?? 'must'}; scenarios/cases/${found.group}.ts)\n${about.about}\n${cited.join('\n')}\nrun: criu-remote conform --only ${about.id}`,
  )
}

async function compareResults(
  files: string[],
  { regressions, json }: { regressions?: true; json?: true },
): Promise<void> {
  const { compare, readResults } = await import('../conformance/compare.ts')
  const all = await Promise.all(files.map(readResults)).catch(fail(2))
  const rows = compare(all)
  const shown = regressions ? rows.filter(({ regression }) => regression) : rows
  if (json) print(JSON.stringify(shown, null, 2))
  else {
    const { default: Table } = await import('cli-table3')
    const table = new Table({
      head: ['case', ...all.map(({ implementation }) => implementation), ''],
      style: { head: [], border: [] },
    })
    for (const { id, outcomes, regression } of shown)
      table.push([id, ...outcomes.map((outcome) => outcome ?? '-'), regression ? 'worse' : ''])
    print(table.toString())
  }
  const worse = rows.filter(({ regression }) => regression).length
  if (worse > 0)
    throw new Failure(
      1,
      `${worse} ${worse === 1 ? 'case is' : 'cases are'} worse than in ${files[0]}`,
    )
}

const print = (text: string) => void process.stdout.write(`${text}\n`)
