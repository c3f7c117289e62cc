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
  report?: string
}

export function addConform(program: Command): void {
  program
    .command('conform')
    .summary('judge an image proxy or cache against every clause of the protocol')
    .description('Runs the conformance suite against an implementation and prints a verdict.')
    .option('-i, --implementation <file>', 'descriptor of the implementation (default: the reference)')
    .addOption(new Option('--role <role>', 'what to judge').choices(['proxy', 'cache', 'both']).default('both'))
    .addOption(
      new Option('--only <glob>', 'only cases whose id, group or clause matches (repeatable)').argParser(repeated).default([], 'all'),
    )
    .addOption(new Option('--level <level>', 'how much to demand').choices(['must', 'should', 'all']).default('all'))
    .addOption(new Option('--jobs <n>', 'cases at once').argParser(whole(1)).default(2))
    .addOption(new Option('--repeat <n>', 'runs of each case; the rate is shown').argParser(whole(1)).default(1))
    .addOption(new Option('--seed <n>', 'seed of pseudo-random cases (default: another each time)').argParser(whole(0)))
    .addOption(new Option('--timeout <s>', 'deadline of a case, in seconds').argParser(whole(1)).default(10))
    .option('--report <dir>', 'write results.json and reports there')
    .addHelpText(
      'after',
      '\nExit codes: 0 conformant, 1 not conformant, 2 wrong usage or nothing selected, 3 the harness or the start of the implementation failed.',
    )
    .action(act)
}

async function act(flags: ConformFlags): Promise<void> {
  const { conform } = await import('../conformance/conform.ts')
  const { readDescriptor } = await import('../implementation/descriptor.ts')
  const { referenceDescriptor } = await import('../implementation/start.ts')
  const { localHost } = await import('../hosts/local.ts')
  const { NothingSelected } = await import('../conformance/select.ts')
  const { showVerdict } = await import('../conformance/report/text.ts')
  const descriptor =
    flags.implementation === undefined ? referenceDescriptor(localHost()) : await readDescriptor(flags.implementation).catch(fail(2))
  const show = showVerdict(process.stderr.isTTY)
  const results = await conform({ ...flags, descriptor, onResult: show.progress, onSelected: show.begin }).catch((thrown) =>
    fail(thrown instanceof NothingSelected ? 2 : 3)(thrown),
  )
  show.end(results)
  if (flags.report !== undefined) {
    const { writeReports } = await import('../conformance/report/write.ts')
    await writeReports(results, flags.report).catch(fail(3))
  }
  const { exitCode } = await import('../conformance/result.ts')
  if (exitCode[results.verdict] !== 0) throw new Failure(exitCode[results.verdict] as 1 | 3, `${descriptor.name} is ${results.verdict}`)
}
