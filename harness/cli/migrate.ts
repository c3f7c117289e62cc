import { type Command, Option } from 'commander'
import type { MigrateFlags } from './actions/migrate.ts'
import { repeated, whole } from './values.ts'

const HELP = `
Hosts: 'container' is a fresh privileged container that is removed at the end. 'container:NAME' is
a running container, with this checkout and node mounted into it. 'local' is this machine.

CRIU kills the process at the source only after every image is in the cache. After an earlier
failure the process runs on. Prints the phases, then one line of JSON. In it, frozenMs is the time
from the start of the last dump to the end of the restore, in ms.

Exit codes: 0 migrated, 1 the migration failed, 2 wrong usage, 3 hosts or daemons did not start.

Example:
  criu-remote migrate --command 'while :; do sleep 1; done' --pre-dumps 0`

/** Adds the command `migrate`. */
export function addMigrate(program: Command): void {
  program
    .command('migrate')
    .summary('migrate a running process from one host to another without a disk')
    .description(
      'Migrates a running process from a source host to a destination host with a stock CRIU, through an image proxy and an image cache.',
    )
    .option('--command <shell command>', 'start this command on the source and migrate its process')
    .addOption(
      new Option('--pid <pid>', 'migrate this process of the source')
        .argParser(whole(1))
        .conflicts('command'),
    )
    .option('--setup <shell command>', 'run this command on both hosts first')
    .option(
      '--source <host>',
      "host of the process: 'container', 'container:NAME' or 'local'",
      'container',
    )
    .option(
      '--destination <host>',
      "host to migrate to: 'container', 'container:NAME' or 'local'",
      'container',
    )
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
        'a further option of dump and restore, for example --criu-option=--tcp-established (repeatable)',
      )
        .argParser(repeated)
        .default([], 'none'),
    )
    .option(
      '--image <name>',
      'image of fresh containers, or the path of a Dockerfile (default: $CRIU_REMOTE_IMAGE, which ci/with-engine sets)',
    )
    .addHelpText('after', HELP)
    .action(async (flags: MigrateFlags) => (await import('./actions/migrate.ts')).migrate(flags))
}
