import type { Command } from 'commander'

export function addDoctor(program: Command): void {
  program
    .command('doctor')
    .summary('say what this machine can run')
    .description(
      'Checks what this machine can run (Docker, privileged containers, CRIU, soft-dirty, FUSE, QEMU), and says what to do about what it can not.',
    )
    .option(
      '--image <name>',
      'image of the containers to try, or the path of a Dockerfile (default: $CRIU_REMOTE_IMAGE, which set-up makes)',
    )
    .option('--json', 'print the findings as JSON')
    .addHelpText('after', '\nExits 0 if a real migration can run here, else 3.')
    .action(async (flags) => (await import('./actions/doctor.ts')).doctor(flags))
}
