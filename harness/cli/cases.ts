import { type Command, Option } from 'commander'
import { repeated } from './values.ts'

/* `criu-remote list`, `explain` and `compare`: show cases, clauses, and results side by side. */

/** Adds the commands `list`, `explain` and `compare`. */
export function addCases(program: Command): void {
  program
    .command('list')
    .summary('list the cases, or the clauses')
    .description('Lists the cases of the conformance suite, or the clauses of the protocol.')
    .option('--clauses', 'list the clauses, with the cases of each')
    .option('--json', 'print the list as JSON')
    .action(async (flags) => (await actions()).list(flags))
  program
    .command('explain')
    .summary('explain a case or a clause')
    .description('Prints a case in full, or a clause with its text and its cases.')
    .argument('<id>', 'id of a case, for example proxy-read-back, or of a clause, for example L3')
    .option('--json', 'print the case or clause as JSON')
    .action(async (id, flags) => (await actions()).explain(id, flags))
  program
    .command('compare')
    .summary('compare results of several implementations or versions')
    .description(
      'Prints the cases whose outcomes differ in several results.json files, with a column for each file.',
    )
    .argument('<results...>', 'results.json files; the first is the one to compare with')
    .option('--all', 'show cases with equal outcomes as well')
    .option('--regressions', 'show only cases that are worse than in the first file')
    .addOption(
      new Option('--without <id>', 'a case that later files may lack; repeatable')
        .argParser(repeated)
        .default([], 'none'),
    )
    .option('--json', 'print the table as JSON')
    .addHelpText(
      'after',
      '\nA case that a later file lacks is worse, unless --without names it.\n\nExit codes: 0 no case is worse than in the first file, 1 a case is worse, 2 wrong usage.',
    )
    .action(async (files, flags) => (await import('./actions/compare.ts')).compare(files, flags))
}

const actions = () => import('./actions/cases.ts')
