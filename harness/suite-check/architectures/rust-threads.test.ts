import t from 'tap'
import { checkArchitecture } from './check-architecture.ts'
import { rustThreads } from './rust-threads.ts'

/* The implementation with a thread per connection is conformant, and its faults are found. */

checkArchitecture(t, rustThreads)
