import { type Command, Option } from 'commander'
import type { MatrixFlags } from './actions/matrix.ts'
import { whole } from './values.ts'

/* `criu-remote matrix`: every proxy with every cache. */

export function addMatrix(program: Command): void {
  program
    .command('matrix')
    .summary('judge pairs: every proxy with every cache of several implementations')
    .description(
      'Runs the cases for pairs on every proxy with every cache of the descriptors. Where a pair fails, each side is judged alone, and the guilty one named.',
    )
    .argument('<descriptors...>', 'descriptors of implementations')
    .option('--reference', 'the reference as well')
    .addOption(new Option('--jobs <n>', 'cases at once').argParser(whole(1)).default(2))
    .addOption(
      new Option('--timeout <s>', 'deadline of a case, in seconds').argParser(whole(1)).default(10),
    )
    .option('--json', 'as JSON')
    .addHelpText(
      'after',
      '\nExit codes: 0 all pairs work, 1 some do not, 2 wrong usage, 3 a daemon did not start.',
    )
    .action(async (files: string[], flags: MatrixFlags) =>
      (await import('./actions/matrix.ts')).matrix(files, flags),
    )
}
