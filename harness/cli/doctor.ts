import type { Command } from 'commander'

/** Adds the command `doctor`. */
export function addDoctor(program: Command): void {
  program
    .command('doctor')
    .summary('check which tests this machine can run')
    .description(
      'Checks the needs of the tests on this machine (Docker, privileged containers, CRIU, soft-dirty, FUSE, QEMU). Prints a remedy for each one that is missing.',
    )
    .option(
      '--image <name>',
      'image of the containers, or the path of a Dockerfile (default: $CRIU_REMOTE_IMAGE, which ci/with-engine sets)',
    )
    .option('--json', 'print the findings as JSON')
    .addHelpText(
      'after',
      '\nExit codes: 0 a real migration can run here, 2 wrong usage, 3 it cannot.',
    )
    .action(async (flags) => (await import('./actions/doctor.ts')).doctor(flags))
}
