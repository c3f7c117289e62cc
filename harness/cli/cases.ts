import type { Command } from 'commander'

/* `criu-remote list`, `explain` and `compare`: the cases and clauses, and results side by side. */

export function addCases(program: Command): void {
  program
    .command('list')
    .summary('list the cases, or the clauses')
    .description('Lists the cases of the conformance suite.')
    .option('--clauses', 'list the clauses, with the cases of each')
    .option('--json', 'as JSON')
    .action(async (flags) => (await actions()).list(flags))
  program
    .command('explain')
    .summary('explain a case or a clause')
    .description('Prints a case in full, or a clause with its text and its cases.')
    .argument('<id>', 'of a case, as proxy-read-back, or of a clause, as L3')
    .option('--json', 'as JSON')
    .action(async (id, flags) => (await actions()).explain(id, flags))
  program
    .command('compare')
    .summary('compare results of several implementations or versions')
    .description('Puts results.json files side by side, a column each.')
    .argument('<results...>', 'results.json files, the one to compare with first')
    .option('--regressions', 'only cases that are worse than in the first')
    .option('--json', 'as JSON')
    .addHelpText('after', '\nExits 1 if a case is worse than in the first, else 0.')
    .action(async (files, flags) => (await import('./actions/compare.ts')).compare(files, flags))
}

const actions = () => import('./actions/cases.ts')
