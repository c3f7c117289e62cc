import { type Command, Option } from 'commander'
import { dialectNames, logLevels } from '../../reference/index.ts'
import type { MountFlags } from './actions/mount.ts'

const HELP = `
DIR/ID is the images directory of snapshot ID; a stock CRIU uses it so:

  criu-remote mount DIR --proxy img-proxy.sock &        (source)
  mkdir DIR/1; criu dump -t PID -D DIR/1 -W WORK
  touch DIR/null/DUMP_FINISH                            the proxy ends

  criu-remote mount DIR --cache img-cache.sock &        (destination)
  criu restore -D DIR/1 -W WORK -d
  cat DIR/null/RESTORE_FINISH                           the cache ends

Each open of a *.img file is a connection to the proxy or cache. --prev-images-dir ../ID makes
the parent of a snapshot: the last one before it. Files of other names (logs, statistics) are kept
in memory and never sent. Not supported: --auto-dedup, renaming or removing an image.
The mount needs root and can be used by every user (CRIU's tasks in user namespaces read it).
It ends, with exit 0, by a signal or by umount.`

export function addMount(program: Command): void {
  program
    .command('mount')
    .summary('mount the images of a proxy or cache, for a stock CRIU')
    .description(
      'Mounts the images of a proxy or cache as files, so that a CRIU that knows nothing of the protocol dumps to memory and restores from it.',
    )
    .argument('<dir>', 'an existing directory')
    .option('--proxy <socket>', 'UNIX socket of the image proxy: to dump')
    .addOption(
      new Option('--cache <socket>', 'UNIX socket of the image cache: to restore').conflicts(
        'proxy',
      ),
    )
    .addOption(
      new Option('--dialect <name>', 'which CRIU the proxy and cache are of')
        .choices(dialectNames)
        .default('auto'),
    )
    .addOption(
      new Option('--log-level <level>', 'what to log on standard error')
        .choices(logLevels)
        .default('warn'),
    )
    .option('--report-images', 'print a line of JSON for each image written')
    .addHelpText('after', HELP)
    .action(async (directory: string, flags: MountFlags) =>
      (await import('./actions/mount.ts')).mount(directory, flags),
    )
}
