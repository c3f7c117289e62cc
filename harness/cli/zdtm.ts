import { resolve } from 'node:path'
import { type Command, InvalidArgumentError, Option } from 'commander'
import type { ZdtmFlags } from './actions/zdtm.ts'
import { repeated, whole } from './values.ts'

const HELP = `
Each test is a program. It is started, dumped and restored, and all its images go through a proxy and
a cache of its own. Then the program judges its own state. The test passes only if, in addition:
  - descriptors, maps, threads, directory and signal masks are the same as before;
  - every image is the same at proxy and cache;
  - proxy and cache exit 0 by themselves;
  - with --pre, increments are real, both sides list them in order, and the restore reads them.
A test that cannot run is skipped, with its reason.

--kernel auto uses this machine's kernel if it can track memory or if no option needs that. Otherwise
it boots a virtual machine with the kernel of the host image, once for all tests. A path boots a
virtual machine with the kernel at that path.

Exit codes: 0 conformant, 1 not conformant, 2 wrong usage or no test selected, 3 the harness failed.

Examples:
  criu-remote zdtm run -a -p 2
  criu-remote zdtm run -t zdtm/static/vanish -f h,ns --pre 2 --hosts 2
  criu-remote zdtm run -a --pre 2 --kernel ./linux-image-6.1.0-56-cloud-amd64_6.1.192-2_amd64.deb
  criu-remote zdtm run -a --keep-going --criu-source ~/criu --report report/zdtm   # CRIU's own tests, built

CRIU's own launcher, zdtm.py, can run the tests as well, with zdtm-mode/criu-bin/criu as its
--criu-bin. See docs/zdtm.md.`

/** Adds the command `zdtm run`. */
export function addZdtm(program: Command): void {
  const run = program
    .command('zdtm')
    .summary('run tests in the style of zdtm, dumped and restored through proxy and cache')
    .command('run')
    .description(
      'Runs tests in the style of zdtm with a real CRIU. All images go through an image proxy and an image cache.',
    )
  addSelection(run)
  addSteps(run)
  addOutput(run)
  addEnvironment(run)
  run
    .addHelpText('after', HELP)
    .action(async (flags: ZdtmFlags) => (await import('./actions/zdtm.ts')).zdtm(flags))
}

/** Adds the options that select tests and flavors. */
function addSelection(run: Command): void {
  run
    .addOption(
      new Option('-t, --test <name>', 'run this test, for example zdtm/static/env (repeatable)')
        .argParser(repeated)
        .default([], 'none'),
    )
    .option('-T, --tests <regex>', 'run tests whose name starts with a match')
    .option('-a, --all', 'run all tests')
    .addOption(
      new Option(
        '-x, --exclude <regex>',
        'leave out tests whose name contains a match (repeatable)',
      )
        .argParser(repeated)
        .default([], 'none'),
    )
    .option('-F, --from <file>', 'run the tests that this file names, one on each line')
    .addOption(
      new Option(
        '-f, --flavor <list>',
        "a list of h (host), ns (namespaces) and uns (user namespace too), or 'best': the last flavor that a test lists",
      )
        .argParser(flavors)
        .default(['h', 'ns', 'uns'], 'h,ns,uns'),
    )
}

/** Adds the options for the steps of each test. */
function addSteps(run: Command): void {
  run
    .addOption(
      new Option(
        '--pre <n[:pause]>',
        'number of pre-dumps before the dump, and seconds between them',
      )
        .argParser(preDumps)
        .default({ pre: 0, pause: 0 }, '0'),
    )
    .addOption(
      new Option('--iters <n>', 'number of migrations of the same process')
        .argParser(whole(1))
        .default(1),
    )
    .option('--snaps', 'make full dumps of the running process in place of pre-dumps')
    .option('--nocr', 'only start and stop the program, without dump and restore')
    .option('--norst', 'do not restore; the process runs on after the dump')
    .option('--stop', 'leave the process stopped after dump and restore')
}

/** Adds the options for the course of the run and its report. */
function addOutput(run: Command): void {
  run
    .addOption(
      new Option('-p, --parallel <n>', 'number of tests to run at once')
        .argParser(whole(1))
        .default(1),
    )
    .option('--keep-going', 'go on after a failure')
    .option('--dry-run', 'only print the names of the selected tests')
    .option(
      '--report <dir>',
      'write results.json, junit.xml, results.tap and HTML pages to a directory that is new, empty or an earlier report',
    )
    .addOption(
      new Option(
        '-k, --keep-img <when>',
        'with --report, write the images of tests to REPORT/images/TEST_FLAVOR',
      )
        .choices(['always', 'never', 'failed'])
        .default('failed'),
    )
    .option('--ignore-taint', 'do not fail if the kernel becomes tainted')
}

/** Adds the options for CRIU, kernel, hosts and implementation. */
function addEnvironment(run: Command): void {
  run
    .option('--criu <path>', 'the criu binary on the host', 'criu')
    .addOption(
      new Option(
        '--kernel <which>',
        "'host', 'auto', or the path of a Debian kernel package or of a directory with one unpacked",
      ).default('auto'),
    )
    .addOption(
      new Option('--fault <n>', 'make every criu fail with this fault (CRIU_FAULT)').argParser(
        whole(1),
      ),
    )
    .option(
      '-i, --implementation <file>',
      'descriptor of the proxy and cache (default: the reference)',
    )
    .addOption(
      new Option('--hosts <n>', '1: dump and restore on one host; 2: a source and a destination')
        .argParser(oneOrTwo)
        .default(1),
    )
    .option(
      '--image <name>',
      'image of the host, or the path of a Dockerfile (default: $CRIU_REMOTE_IMAGE, which ci/with-engine sets)',
    )
    .addOption(
      new Option(
        '--criu-source <dir>',
        "run CRIU's own tests from this checkout of CRIU, where they are built, in place of this project's",
      ).argParser(absolute),
    )
}

function flavors(text: string): ZdtmFlags['flavor'] {
  if (text === 'best') return text
  const list = text.split(',')
  for (const each of list)
    if (!['h', 'ns', 'uns'].includes(each))
      throw new InvalidArgumentError("expected 'best', or a list of h, ns and uns")
  return list as ZdtmFlags['flavor']
}

function preDumps(text: string): ZdtmFlags['pre'] {
  const [, pre, pause = '0'] = /^(\d+)(?::(\d+(?:\.\d+)?))?$/.exec(text) ?? []
  if (pre === undefined) throw new InvalidArgumentError('expected N or N:SECONDS')
  return { pre: Number(pre), pause: Number(pause) * 1000 }
}

const absolute = (path: string) => resolve(path)

function oneOrTwo(text: string): 1 | 2 {
  if (text !== '1' && text !== '2') throw new InvalidArgumentError('expected 1 or 2')
  return Number(text) as 1 | 2
}
