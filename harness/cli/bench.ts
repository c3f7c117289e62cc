import { type Command, InvalidArgumentError, Option } from 'commander'
import { loadNames } from '../speed/loads.ts'
import type { BenchFlags } from './actions/bench.ts'
import { repeated, whole } from './values.ts'

/* `criu-remote bench`: how fast an implementation is, beside the least that the machine needs and beside others. */

export function addBench(program: Command): void {
  program
    .command('bench')
    .summary('measure the speed of a proxy and cache')
    .description(
      'Runs loads on a proxy and a cache, with every byte checked, and compares them with the floor: a program that does the same three hops one after the other, with blocking calls and no protocol.',
    )
    .option(
      '-i, --implementation <file>',
      'descriptor of the implementation (default: the reference)',
    )
    .addOption(
      new Option('--versus <file>', 'measure this one beside it, in turns (repeatable)')
        .argParser(repeated)
        .default([], 'none'),
    )
    .addOption(
      new Option('--load <name>', `only this load: ${loadNames.join(', ')} (repeatable)`)
        .argParser(loadName)
        .default([], 'all'),
    )
    .addOption(
      new Option('--repeat <n>', 'runs of each load; medians are shown')
        .argParser(whole(1))
        .default(3),
    )
    .addOption(
      new Option('--scale <fraction>', 'make the loads smaller; then only the bytes are judged')
        .argParser(fraction)
        .default(1),
    )
    .option('--json', 'as JSON')
    .option('--report <directory>', 'write results.json and index.html, with plots, there')
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
