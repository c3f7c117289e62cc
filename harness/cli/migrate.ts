import { type Command, Option } from 'commander'
import type { MigrateFlags } from './actions/migrate.ts'
import { repeated, whole } from './values.ts'

const HELP = `
Hosts: 'container' is a fresh privileged container that is removed at the end, 'container:NAME' one that runs already
(with this checkout and node mounted into it), 'local' is this machine.

The source's process is killed only when every image is in the cache; if anything fails before, it runs on.
Prints the phases, and as its last line one JSON object. frozenMs is the time from the start of the last dump to the
end of the restore. Exit codes: 0 migrated, 1 the migration failed, 2 wrong usage, 3 hosts or daemons did not start.

Example:
  criu-remote migrate --command 'while :; do sleep 1; done' --pre-dumps 0`

export function addMigrate(program: Command): void {
  program
    .command('migrate')
    .summary('migrate a running process from one host to another, diskless')
    .description(
      'Takes a running process from a source host to a destination host with a stock CRIU, through an image proxy and an image cache.',
    )
    .option('--command <shell command>', 'start this on the source and migrate it')
    .addOption(
      new Option('--pid <pid>', 'migrate this process of the source')
        .argParser(whole(1))
        .conflicts('command'),
    )
    .option('--setup <shell command>', 'run this on both hosts first')
    .option('--source <host>', "'container', 'container:NAME' or 'local'", 'container')
    .option('--destination <host>', "'container', 'container:NAME' or 'local'", 'container')
    .option(
      '-i, --implementation <file>',
      'descriptor of the proxy and cache (default: the reference)',
    )
    .addOption(
      new Option('--pre-dumps <n>', 'copy memory this many times before the process is frozen')
        .argParser(whole(0))
        .default(0),
    )
    .option('--criu <path>', 'the criu binary on both hosts', 'criu')
    .addOption(
      new Option(
        '--criu-option <option>',
        'a further option for dump and restore, such as --criu-option=--tcp-established (repeatable)',
      )
        .argParser(repeated)
        .default([], 'none'),
    )
    .option(
      '--image <name>',
      'image of fresh containers, or the path of a Dockerfile (default: $CRIU_REMOTE_IMAGE, which set-up makes)',
    )
    .addHelpText('after', HELP)
    .action(async (flags: MigrateFlags) => (await import('./actions/migrate.ts')).migrate(flags))
}
