import { type Command, Option } from 'commander'
import type { MatrixFlags } from './actions/matrix.ts'
import { repeated, whole } from './values.ts'

/* `criu-remote matrix`: judges every proxy with every cache. */

/** Adds the command `matrix`. */
export function addMatrix(program: Command): void {
  program
    .command('matrix')
    .summary('judge every proxy with every cache of several implementations')
    .description(
      'Judges each proxy and each cache of the descriptors alone, then runs the cases for pairs on every proxy with every cache. The pairs of a side that is not sound alone do not run: the side is named, with the clause that it breaks.',
    )
    .argument('<descriptors...>', 'descriptors of implementations')
    .option('--reference', 'judge the reference as well')
    .addOption(
      new Option('--only <glob>', 'run only cases whose id, group or clause matches (repeatable)')
        .argParser(repeated)
        .default([], 'all'),
    )
    .addOption(
      new Option('--jobs <n>', 'number of cases to run at once').argParser(whole(1)).default(2),
    )
    .addOption(
      new Option('--timeout <s>', 'deadline of a case, in seconds').argParser(whole(1)).default(10),
    )
    .option(
      '--report <dir>',
      'write results.json, junit.xml, results.tap and HTML pages to a directory that is new, empty or an earlier report',
    )
    .option('--json', 'print the pairs as JSON')
    .addHelpText(
      'after',
      '\nExit codes: 0 all pairs work, 1 a pair fails, 2 wrong usage, 3 a daemon did not start, or a pair is undecided.',
    )
    .action(async (files: string[], flags: MatrixFlags) =>
      (await import('./actions/matrix.ts')).matrix(files, flags),
    )
}
