import { mkdir, writeFile } from 'node:fs/promises'
import { type Command, InvalidArgumentError, Option } from 'commander'
import type { Descriptor } from '../implementation/descriptor.ts'
import { loadNames } from '../speed/loads.ts'
import type { MountBenchOptions, MountMeasurement } from '../speed/through-mount.ts'
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
    .action(act)
}

async function act({
  implementation,
  versus,
  load,
  repeat,
  scale,
  json,
  report,
}: BenchFlags): Promise<void> {
  const { bench } = await import('../speed/measure.ts')
  const { selectLoads, selectMount } = await import('../speed/loads.ts')
  const { describeRows, judged, measured, measuredMount } = await import('../speed/table.ts')
  const { judge, judgeMount } = await import('../speed/targets.ts')
  const { readDescriptor } = await import('../implementation/descriptor.ts')
  const { referenceDescriptor } = await import('../implementation/start.ts')
  const { localHost } = await import('../hosts/local.ts')
  const host = localHost()
  const given =
    implementation === undefined ? undefined : await readDescriptor(implementation).catch(fail(2))
  const others = await Promise.all(versus.map(readDescriptor)).catch(fail(2))
  const onRun = (run: { load: string; subject: string; repeat: number }) =>
    process.stderr.isTTY &&
    process.stderr.write(`${run.load}, ${run.subject}, ${run.repeat} of ${repeat}\n`)
  const descriptors = [given ?? referenceDescriptor(host), ...others]
  const measurements = await bench({
    host,
    loads: selectLoads(load, scale),
    descriptors,
    repeat,
    onRun,
  })
    .finally(() => host.stop())
    .catch(fail(3))
  const mebibytes = selectMount(load, scale)
  const mount =
    mebibytes === undefined
      ? []
      : await throughMount(
          { mebibytes, repeat, onRun, ...(given && { descriptor: given }) },
          load.length > 0,
        )
  const targets = scale === 1 ? [...judge(measurements), ...judgeMount(mount)] : []
  const results = { measurements, mount, targets }
  if (report !== undefined) {
    const { resultPage } = await import('../speed/page.ts')
    await mkdir(report, { recursive: true })
    await writeFile(`${report}/results.json`, JSON.stringify(results, null, 2))
    await writeFile(`${report}/index.html`, resultPage(results))
  }
  const tables = [measured(measurements), measuredMount(mount), judged(targets)].filter(
    ({ rows }) => rows.length > 0,
  )
  process.stdout.write(
    `${json ? JSON.stringify(results, null, 2) : tables.map(describeRows).join('\n')}\n`,
  )
}

/** In a container, with the implementation as that host runs it; where there are none it is left out, and said, unless it was asked for by name. */
async function throughMount(
  options: Omit<MountBenchOptions, 'host' | 'descriptor'> & { descriptor?: Descriptor },
  needed: boolean,
): Promise<MountMeasurement[]> {
  const { benchMount } = await import('../speed/through-mount.ts')
  const { referenceDescriptor } = await import('../implementation/start.ts')
  const { oneContainer } = await import('../hosts/container.ts')
  const host = await oneContainer().catch((thrown: Error) => thrown)
  if (host instanceof Error) {
    if (needed) return fail(3)(host)
    process.stderr.write(`the load mount was not run: ${host.message}\n`)
    return []
  }
  return benchMount({ descriptor: referenceDescriptor(host), ...options, host })
    .finally(() => host.stop())
    .catch(fail(3))
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
