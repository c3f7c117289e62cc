import { resolve } from 'node:path'
import { type Command, InvalidArgumentError, Option } from 'commander'
import type { ZdtmFlags } from './actions/zdtm.ts'
import { repeated, whole } from './values.ts'

const HELP = `
Every test is a program that is started, dumped and restored with all images going through a proxy and a cache of its own,
and then asked whether it is still right. Beside its own verdict these must hold: descriptors, maps, threads, directory and
signal masks are as before; every image is the same at proxy and cache; proxy and cache end by themselves with exit 0; with
--pre, increments are real, listed in order at both sides, and read by the restore. What could not run is skipped, with its reason.

--kernel auto runs on this machine's kernel where it can track memory or nothing asks for that, else in a virtual machine with
the kernel of the host image, which is booted once for all tests. A path runs that kernel in a virtual machine.

Exit codes: 0 conformant, 1 not conformant, 2 wrong usage or nothing selected, 3 the harness failed.

Examples:
  criu-remote zdtm run -a -p 2
  criu-remote zdtm run -t zdtm/static/vanish -f h,ns --pre 2 --hosts 2
  criu-remote zdtm run -a --pre 2 --kernel ./linux-image-6.1.0-56-cloud-amd64_6.1.192-2_amd64.deb
  criu-remote zdtm run -a --keep-going --criu-source ~/criu --report report    CRIU's own tests, built before

The other way round, CRIU's own zdtm.py runs them with the program zdtm-mode/criu-bin/criu as its --criu-bin. See docs/zdtm.md.`

export function addZdtm(program: Command): void {
  program
    .command('zdtm')
    .summary('tests in the style of zdtm, dumped and restored through proxy and cache')
    .command('run')
    .description(
      'Runs zdtm-style tests with a real CRIU, all images going through an image proxy and an image cache.',
    )
    .addOption(
      new Option('-t, --test <name>', 'this test, as zdtm/static/env (repeatable)')
        .argParser(repeated)
        .default([], 'none'),
    )
    .option('-T, --tests <regex>', 'tests whose name begins so')
    .option('-a, --all', 'all tests')
    .addOption(
      new Option('-x, --exclude <regex>', 'but not these (repeatable)')
        .argParser(repeated)
        .default([], 'none'),
    )
    .option('-F, --from <file>', 'tests named in a file, one a line')
    .addOption(
      new Option('-f, --flavor <list>', "'h,ns,uns' or 'best'")
        .argParser(flavors)
        .default(['h', 'ns', 'uns'], 'h,ns,uns'),
    )
    .addOption(
      new Option('--pre <n[:pause]>', 'pre-dumps before the dump, and seconds between them')
        .argParser(preDumps)
        .default({ pre: 0, pause: 0 }, '0'),
    )
    .addOption(
      new Option('--iters <n>', 'so many migrations of the same process')
        .argParser(whole(1))
        .default(1),
    )
    .option('--snaps', 'full dumps of the running process in place of pre-dumps')
    .option('--nocr', 'no dump and no restore: only start and stop the program')
    .option('--norst', 'no restore: the process runs on after the dump')
    .option('--stop', 'leave the process stopped by dump and restore')
    .addOption(new Option('-p, --parallel <n>', 'tests at once').argParser(whole(1)).default(1))
    .option('--keep-going', 'go on after a failure')
    .option('--dry-run', 'only print the names of the tests')
    .option('--report <dir>', 'write results.json, junit.xml, results.tap and index.html there')
    .addOption(
      new Option(
        '-k, --keep-img <when>',
        'write the images of tests to REPORT/images/TEST_FLAVOR, where --report is given',
      )
        .choices(['always', 'never', 'failed'])
        .default('failed'),
    )
    .option('--ignore-taint', 'do not mind that the kernel got tainted')
    .option('--criu <path>', 'the criu binary in the host', 'criu')
    .addOption(
      new Option(
        '--kernel <which>',
        "'host', 'auto', or a Debian kernel package: the file, or a directory with it unpacked",
      ).default('auto'),
    )
    .addOption(
      new Option('--fault <n>', 'make every criu fail in this way (CRIU_FAULT)').argParser(
        whole(1),
      ),
    )
    .option(
      '-i, --implementation <file>',
      'descriptor of the proxy and cache (default: the reference)',
    )
    .addOption(
      new Option('--hosts <n>', 'one host, or a source and a destination')
        .argParser(oneOrTwo)
        .default(1),
    )
    .option(
      '--image <name>',
      'image of the host, or the path of a Dockerfile (default: $CRIU_REMOTE_IMAGE, which set-up makes)',
    )
    .addOption(
      new Option(
        '--criu-source <dir>',
        "CRIU's own tests, in a checkout of CRIU where they are built; in place of ours",
      ).argParser(absolute),
    )
    .addHelpText('after', HELP)
    .action(async (flags: ZdtmFlags) => (await import('./actions/zdtm.ts')).zdtm(flags))
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
