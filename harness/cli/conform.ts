import { type Command, Option } from 'commander'
import type { ConformFlags } from './actions/conform.ts'
import { repeated, whole } from './values.ts'

const EXIT_CODES =
  '\nExit codes: 0 conformant, 1 not conformant, 2 wrong usage or no case selected, 3 the harness failed, the run was interrupted before a failure, or the implementation did not start.'

/** Adds the commands `conform` and `replay`. */
export function addConform(program: Command): void {
  addConformCommand(program)
  addReplay(program)
}

function addConformCommand(program: Command): void {
  program
    .command('conform')
    .summary('judge an image proxy, cache or client against every clause of the protocol')
    .description('Runs the conformance suite against an implementation and prints a verdict.')
    .option(
      '-i, --implementation <file>',
      'descriptor of the implementation (default: the reference)',
    )
    .addOption(
      new Option(
        '--role <role>',
        'the daemons to judge, or the client: a CRIU with --remote (default: both daemons, or the client of a descriptor without a daemon)',
      ).choices(['proxy', 'cache', 'both', 'client']),
    )
    .addOption(
      new Option(
        '--only <glob>',
        'run only cases whose id, group or clause matches (repeatable); a case that takes minutes needs its whole id or --all',
      )
        .argParser(repeated)
        .default([], 'all'),
    )
    .addOption(
      new Option('--level <level>', 'judge only MUST clauses, also SHOULD clauses, or all')
        .choices(['must', 'should', 'all'])
        .default('all'),
    )
    .option(
      '--all',
      'run also cases that take minutes or gigabytes, and those that a failure blocks, each with its whole deadline',
    )
    .addOption(
      new Option('--bail <n>', 'begin no further case after n have failed').argParser(whole(1)),
    )
    .addOption(
      new Option('--jobs <n>', 'number of cases to run at once').argParser(whole(1)).default(2),
    )
    .addOption(
      new Option('--repeat <n>', 'runs of each case; the output shows the rate of passes')
        .argParser(whole(1))
        .default(1),
    )
    .addOption(
      new Option(
        '--seed <n>',
        'seed of pseudo-random cases (default: a new one for each run)',
      ).argParser(whole(0)),
    )
    .addOption(
      new Option(
        '--timeout <s>',
        'deadline of a case, in seconds, without the time it waits for a processor',
      )
        .argParser(whole(1))
        .default(10),
    )
    .option(
      '--pressure',
      'run the daemons on one processor, and stop them at random times that follow from the seed: finds races, takes about twice as long',
    )
    .option('--baseline <file>', 'file of known failures: each must fail again, in the same way')
    .option(
      '--write-baseline <file>',
      'write the failures of this run as known failures to this file',
    )
    .option('--failed-from <results>', 'run only the cases that did not pass in this results.json')
    .option(
      '--report <dir>',
      'write results.json, junit.xml, results.tap and HTML pages to a directory that is new, empty or an earlier report',
    )
    .addHelpText('after', EXIT_CODES)
    .action(async (flags: ConformFlags) => (await actions()).conformAll(flags))
}

function addReplay(program: Command): void {
  program
    .command('replay')
    .summary('run a recorded failure again')
    .description(
      'Runs a failed case again, with the seed and the implementation of its record. A report has its records in traces/.',
    )
    .argument('<trace>', 'the record, a file traces/CASE.json of a report')
    .option('-i, --implementation <file>', 'descriptor of another implementation to run against')
    .addHelpText('after', EXIT_CODES)
    .action(async (trace: string, flags: { implementation?: string }) =>
      (await actions()).replay(trace, flags),
    )
}

const actions = () => import('./actions/conform.ts')
