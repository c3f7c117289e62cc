import { type Command, Option } from 'commander'
import type { MatrixFlags } from './actions/matrix.ts'
import { whole } from './values.ts'

/* `criu-remote matrix`: judges every proxy with every cache. */

/** Adds the command `matrix`. */
export function addMatrix(program: Command): void {
  program
    .command('matrix')
    .summary('judge every proxy with every cache of several implementations')
    .description(
      'Runs the cases for pairs on every proxy with every cache of the descriptors. If a pair fails, judges each side alone and names the faulty side.',
    )
    .argument('<descriptors...>', 'descriptors of implementations')
    .option('--reference', 'judge the reference as well')
    .addOption(
      new Option('--jobs <n>', 'number of cases to run at once').argParser(whole(1)).default(2),
    )
    .addOption(
      new Option('--timeout <s>', 'deadline of a case, in seconds').argParser(whole(1)).default(10),
    )
    .option('--json', 'print the results as JSON')
    .addHelpText(
      'after',
      '\nExit codes: 0 all pairs work, 1 a pair fails, 2 wrong usage, 3 a daemon did not start.',
    )
    .action(async (files: string[], flags: MatrixFlags) =>
      (await import('./actions/matrix.ts')).matrix(files, flags),
    )
}
