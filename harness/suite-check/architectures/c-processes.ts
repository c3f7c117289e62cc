import type { Architecture } from './architecture.ts'
import { cProcessesFaults } from './c-processes-faults.ts'

/** A process per connection, in C. */
export const cProcesses: Architecture = {
  name: 'c-processes',
  about:
    'In C, a process per connection. A parent accepts and keeps the order; images are files of a\n' +
    'tmpfs.',
  dialect: 'auto',
  source: '.c',
  compiler: 'gcc',
  parameters: (sources, program) => [
    ...['-std=c11', '-D_GNU_SOURCE', '-O1', '-Wall', '-Wextra', '-Werror'],
    ...['-o', program, ...sources],
  ],
  faults: cProcessesFaults,
}
