import { type Command, Option } from 'commander'
import { dialectNames, logLevels } from '../../reference/index.ts'
import type { MountFlags } from './actions/mount.ts'

const HELP = `
DIR/ID is the images directory of snapshot ID. A stock CRIU uses it so:

  criu-remote mount DIR --proxy img-proxy.sock &        (source)
  mkdir DIR/1; criu dump -t PID -D DIR/1 -W WORK
  touch DIR/null/DUMP_FINISH                            the proxy ends

  criu-remote mount DIR --cache img-cache.sock &        (destination)
  criu restore -D DIR/1 -W WORK -d
  cat DIR/null/RESTORE_FINISH                           the cache ends

Each open of a *.img file is a connection to the proxy or cache. --prev-images-dir ../ID names
the parent of a snapshot, which is the last snapshot before it. Files with other names (logs,
statistics) stay in memory and are never sent. The mount does not support --auto-dedup, and it does
not rename or remove images. It needs root. Every user can use it, because CRIU's tasks in user
namespaces read it. It ends by a signal or by umount.

Exit codes: 0 unmounted, 1 the mount failed, 2 wrong usage, 3 the mount did not start.`

/** Adds the command `mount`. */
export function addMount(program: Command): void {
  program
    .command('mount')
    .summary('mount the images of a proxy or cache as files, for a stock CRIU')
    .description(
      'Mounts the images of a proxy or cache as files. A CRIU without support for the protocol can then dump to memory and restore from memory.',
    )
    .argument('<dir>', 'an existing directory')
    .option('--proxy <socket>', 'UNIX socket of the image proxy, for a dump')
    .addOption(
      new Option('--cache <socket>', 'UNIX socket of the image cache, for a restore').conflicts(
        'proxy',
      ),
    )
    .addOption(
      new Option(
        '--dialect <name>',
        'version of CRIU whose protocol the proxy and cache speak; auto recognizes it',
      )
        .choices(dialectNames)
        .default('auto'),
    )
    .addOption(
      new Option('--log-level <level>', 'least severe messages to log on standard error')
        .choices(logLevels)
        .default('warn'),
    )
    .option('--report-images', 'print one line of JSON for each image that CRIU has written')
    .addHelpText('after', HELP)
    .action(async (directory: string, flags: MountFlags) =>
      (await import('./actions/mount.ts')).mount(directory, flags),
    )
}
