import { type Command, Option } from 'commander'
import { Failure, fail } from './failure.ts'
import { repeated, whole } from './values.ts'

interface ConformFlags {
  implementation?: string
  role: 'proxy' | 'cache' | 'both'
  only: string[]
  level: 'must' | 'should' | 'all'
  jobs: number
  repeat: number
  seed?: number
  timeout: number
  baseline?: string
  writeBaseline?: string
  failedFrom?: string
  report?: string
}

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
    .action(conformAll)
  program
    .command('replay')
    .summary('run a recorded failure again')
    .description(
      'Runs a case again with the seed and against the implementation of a record, which a report has in traces/.',
    )
    .argument('<trace>', 'a file of a report: traces/CASE.json')
    .option('-i, --implementation <file>', 'against this implementation instead')
    .addHelpText('after', EXIT_CODES)
    .action(replay)
}

async function conformAll(flags: ConformFlags): Promise<void> {
  const { readBaseline, writeBaseline } = await import('../conformance/baseline.ts')
  const { readResults } = await import('../conformance/compare.ts')
  const { isSound } = await import('../conformance/result.ts')
  const { baseline: known, ...rest } = flags
  const baseline = known === undefined ? undefined : await readBaseline(known).catch(fail(2))
  const before =
    flags.failedFrom === undefined ? undefined : await readResults(flags.failedFrom).catch(fail(2))
  const ids = before?.cases.filter((result) => !isSound(result)).map(({ id }) => id)
  const results = await runAndShow({ ...rest, ...(baseline && { baseline }), ...(ids && { ids }) })
  if (flags.report !== undefined) {
    const { writeReports } = await import('../conformance/report/write.ts')
    await writeReports(results, flags.report).catch(fail(3))
  }
  if (flags.writeBaseline !== undefined) {
    const entries = await writeBaseline(flags.writeBaseline, results.cases).catch(fail(3))
    process.stdout.write(`${entries} known failures written to ${flags.writeBaseline}\n`)
  }
  await end(results)
}

async function replay(
  file: string,
  { implementation }: { implementation?: string },
): Promise<void> {
  const { readRecord } = await import('../conformance/failure-record.ts')
  const record = await readRecord(file).catch(fail(2))
  const descriptor = implementation ?? record.descriptor
  const results = await runAndShow({
    role: 'both',
    only: [record.case],
    level: 'all',
    jobs: 1,
    repeat: 1,
    seed: record.seed,
    timeout: 10,
    ...(descriptor !== undefined && { implementation: descriptor }),
  })
  const [again] = results.cases
  const same = again?.signature === record.signature && again?.outcome === record.outcome
  process.stdout.write(
    same
      ? 'it failed in the same way\n'
      : `it was ${record.outcome} (${record.signature}), now it is ${again?.outcome} (${again?.signature ?? 'no failure'})\n`,
  )
  await end(results)
}

type RunFlags = Omit<ConformFlags, 'baseline'> &
  Pick<import('../conformance/conform.ts').ConformOptions, 'baseline' | 'ids'>

async function runAndShow(flags: RunFlags) {
  const { conform } = await import('../conformance/conform.ts')
  const { readDescriptor } = await import('../implementation/descriptor.ts')
  const { referenceDescriptor } = await import('../implementation/start.ts')
  const { localHost } = await import('../hosts/local.ts')
  const { NothingSelected } = await import('../conformance/select.ts')
  const { BaselineError } = await import('../conformance/baseline.ts')
  const { showVerdict } = await import('../conformance/report/text.ts')
  const descriptor =
    flags.implementation === undefined
      ? referenceDescriptor(localHost())
      : await readDescriptor(flags.implementation).catch(fail(2))
  const show = showVerdict(process.stderr.isTTY)
  const { allCases: suite } = await import('../../scenarios/index.ts')
  const results = await conform({
    suite,
    ...flags,
    descriptor,
    onResult: show.progress,
    onSelected: show.begin,
  }).catch((thrown) =>
    fail(thrown instanceof NothingSelected || thrown instanceof BaselineError ? 2 : 3)(thrown),
  )
  show.end(results)
  return results
}

async function end(results: Awaited<ReturnType<typeof runAndShow>>): Promise<void> {
  const { exitCode } = await import('../conformance/result.ts')
  const code = exitCode[results.verdict]
  if (code !== 0) throw new Failure(code, `${results.implementation} is ${results.verdict}`)
}
