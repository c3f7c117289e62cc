import type { Architecture } from './architecture.ts'
import { rustThreadsFaults } from './rust-threads-faults/index.ts'

/** A thread per connection, in Rust. */
export const rustThreads: Architecture = {
  name: 'rust-threads',
  about:
    'In Rust, a thread per connection. The threads share a store behind a mutex and condition\n' +
    'variables; a thread forwards a queue.',
  dialect: 'auto',
  source: '.rs',
  compiler: 'rustc',
  parameters: (_, program) => [
    ...['--edition', '2024', '-C', 'opt-level=1', '-o', program, 'main.rs'],
  ],
  faults: rustThreadsFaults,
}
