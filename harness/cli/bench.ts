import { mkdir, writeFile } from 'node:fs/promises'
import { type Command, InvalidArgumentError, Option } from 'commander'
import { loadNames } from '../bench/loads.ts'
import { fail } from './failure.ts'
import { repeated, whole } from './values.ts'

/* `criu-remote bench`: how fast an implementation is, beside the least that the machine needs and beside others. */

interface BenchFlags {
  implementation?: string
  versus: string[]
  load: string[]
  repeat: number
  scale: number
  json?: true
  report?: string
}

export function addBench(program: Command): void {
  program
    .command('bench')
    .summary('measure the speed of a proxy and cache')
    .description(
      'Runs loads on a proxy and a cache, with every byte checked, and compares them with the floor: a program that does the same three hops one after the other, with blocking calls and no protocol.',
    )
    .option('-i, --implementation <file>', 'descriptor of the implementation (default: the reference)')
    .addOption(new Option('--versus <file>', 'measure this one beside it, in turns (repeatable)').argParser(repeated).default([], 'none'))
    .addOption(new Option('--load <name>', `only this load: ${loadNames.join(', ')} (repeatable)`).argParser(loadName).default([], 'all'))
    .addOption(new Option('--repeat <n>', 'runs of each load; medians are shown').argParser(whole(1)).default(3))
    .addOption(new Option('--scale <fraction>', 'make the loads smaller; then only the bytes are judged').argParser(fraction).default(1))
    .option('--json', 'as JSON')
    .option('--report <directory>', 'write results.json and index.html, with plots, there')
    .addHelpText('after', '\nExit codes: 0 measured, 2 wrong usage, 3 a daemon did not start or a byte was wrong.')
    .action(act)
}

async function act({ implementation, versus, load, repeat, scale, json, report }: BenchFlags): Promise<void> {
  const { bench } = await import('../bench/bench.ts')
  const { selectLoads } = await import('../bench/loads.ts')
  const { describeRows, judged, measured } = await import('../bench/table.ts')
  const { judge } = await import('../bench/targets.ts')
  const { readDescriptor } = await import('../implementation/descriptor.ts')
  const { referenceDescriptor } = await import('../implementation/start.ts')
  const { localHost } = await import('../hosts/local.ts')
  const host = localHost()
  const first = implementation === undefined ? referenceDescriptor(host) : await readDescriptor(implementation).catch(fail(2))
  const others = await Promise.all(versus.map(readDescriptor)).catch(fail(2))
  const onRun = (run: { load: string; subject: string; repeat: number }) =>
    process.stderr.isTTY && process.stderr.write(`${run.load}, ${run.subject}, ${run.repeat} of ${repeat}\n`)
  const options = { host, loads: selectLoads(load, scale), descriptors: [first, ...others], repeat, onRun }
  const measurements = await bench(options)
    .finally(() => host.stop())
    .catch(fail(3))
  const targets = scale === 1 ? judge(measurements) : []
  const results = JSON.stringify({ measurements, targets }, null, 2)
  if (report !== undefined) {
    const { resultPage } = await import('../bench/page.ts')
    await mkdir(report, { recursive: true })
    await writeFile(`${report}/results.json`, results)
    await writeFile(`${report}/index.html`, resultPage(measurements, targets))
  }
  const tables = [measured(measurements), judged(targets)].filter(({ rows }) => rows.length > 0).map(describeRows)
  process.stdout.write(`${json ? results : tables.join('\n')}\n`)
}

function loadName(text: string, before: string[]): string[] {
  if (!loadNames.includes(text)) throw new InvalidArgumentError(`Expected one of ${loadNames.join(', ')}.`)
  return repeated(text, before)
}

function fraction(text: string): number {
  const value = Number(text)
  if (!(value > 0 && value <= 1)) throw new InvalidArgumentError('Expected a number above 0 and at most 1, such as 0.01.')
  return value
}
