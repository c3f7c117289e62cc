import { inC } from '../built-program.ts'
import type { Architecture } from './architecture.ts'
import { cProcessesFaults } from './c-processes-faults.ts'

/** A process per connection, in C. */
export const cProcesses: Architecture = {
  ...inC,
  name: 'c-processes',
  about:
    'In C, a process per connection. A parent accepts and keeps the order; images are files of a\n' +
    'tmpfs.',
  dialect: 'auto',
  faults: cProcessesFaults,
}
