import { type Command, Option } from 'commander'
import type { ConformFlags } from './actions/conform.ts'
import { repeated, whole } from './values.ts'

const EXIT_CODES =
  '\nExit codes: 0 conformant, 1 not conformant, 2 wrong usage or nothing selected, 3 the harness or the start of the implementation failed.'

export function addConform(program: Command): void {
  program
    .command('conform')
    .summary('judge an image proxy or cache against every clause of the protocol')
    .description('Runs the conformance suite against an implementation and prints a verdict.')
    .option(
      '-i, --implementation <file>',
      'descriptor of the implementation (default: the reference)',
    )
    .addOption(
      new Option('--role <role>', 'what to judge')
        .choices(['proxy', 'cache', 'both'])
        .default('both'),
    )
    .addOption(
      new Option(
        '--only <glob>',
        'only cases whose id, group or clause matches (repeatable); those that take minutes only by their whole id',
      )
        .argParser(repeated)
        .default([], 'all'),
    )
    .addOption(
      new Option('--level <level>', 'how much to demand')
        .choices(['must', 'should', 'all'])
        .default('all'),
    )
    .addOption(new Option('--jobs <n>', 'cases at once').argParser(whole(1)).default(2))
    .addOption(
      new Option('--repeat <n>', 'runs of each case; the rate is shown')
        .argParser(whole(1))
        .default(1),
    )
    .addOption(
      new Option(
        '--seed <n>',
        'seed of pseudo-random cases (default: another each time)',
      ).argParser(whole(0)),
    )
    .addOption(
      new Option(
        '--timeout <s>',
        'deadline of a case, in seconds; waits for a processor do not count',
      )
        .argParser(whole(1))
        .default(10),
    )
    .option('--baseline <file>', 'known failures: they must fail, and in the same way')
    .option('--write-baseline <file>', 'write the failures of this run as known failures')
    .option('--failed-from <results>', 'only what did not pass in that results.json')
    .option('--report <dir>', 'write results.json, junit.xml, results.tap and index.html there')
    .addHelpText('after', EXIT_CODES)
    .action(async (flags: ConformFlags) => (await actions()).conformAll(flags))
  program
    .command('replay')
    .summary('run a recorded failure again')
    .description(
      'Runs a case again with the seed and against the implementation of a record, which a report has in traces/.',
    )
    .argument('<trace>', 'a file of a report: traces/CASE.json')
    .option('-i, --implementation <file>', 'against this implementation instead')
    .addHelpText('after', EXIT_CODES)
    .action(async (trace: string, flags: { implementation?: string }) =>
      (await actions()).replay(trace, flags),
    )
}

const actions = () => import('./actions/conform.ts')
