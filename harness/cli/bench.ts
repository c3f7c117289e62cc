import { type Command, InvalidArgumentError, Option } from 'commander'
import { loadNames } from '../speed/loads.ts'
import type { BenchFlags } from './actions/bench.ts'
import { repeated, whole } from './values.ts'

/* `criu-remote bench`: measures the speed of implementations and of the floor. */

/** Adds the command `bench`. */
export function addBench(program: Command): void {
  program
    .command('bench')
    .summary('measure the speed of a proxy and cache')
    .description(
      'Runs loads on a proxy and a cache, checks every byte, and compares the times with the floor. The floor is a program that makes the same three transfers one after the other, with blocking calls and without a protocol.',
    )
    .option(
      '-i, --implementation <file>',
      'descriptor of the implementation (default: the reference)',
    )
    .addOption(
      new Option(
        '--versus <file>',
        'descriptor of another implementation to measure, in turns (repeatable)',
      )
        .argParser(repeated)
        .default([], 'none'),
    )
    .addOption(
      new Option('--load <name>', `run only this load: ${loadNames.join(', ')} (repeatable)`)
        .argParser(loadName)
        .default([], 'all'),
    )
    .addOption(
      new Option('--repeat <n>', 'runs of each load; the tables show medians')
        .argParser(whole(1))
        .default(3),
    )
    .addOption(
      new Option('--scale <fraction>', 'make the loads smaller; targets are then not judged')
        .argParser(fraction)
        .default(1),
    )
    .option('--json', 'print the results as JSON')
    .option(
      '--report <directory>',
      'write results.json and index.html with plots into this directory',
    )
    .addHelpText(
      'after',
      '\nExit codes: 0 measured, 2 wrong usage, 3 a daemon did not start or a byte was wrong.',
    )
    .action(async (flags: BenchFlags) => (await import('./actions/bench.ts')).bench(flags))
}

function loadName(text: string, before: string[]): string[] {
  if (!loadNames.includes(text))
    throw new InvalidArgumentError(`Expected one of ${loadNames.join(', ')}.`)
  return repeated(text, before)
}

function fraction(text: string): number {
  const value = Number(text)
  if (!(value > 0 && value <= 1))
    throw new InvalidArgumentError('Expected a number above 0 and at most 1, such as 0.01.')
  return value
}
