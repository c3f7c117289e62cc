import t from 'tap'
import { cProcesses } from './c-processes.ts'
import { checkArchitecture } from './check-architecture.ts'

/* The implementation with a process per connection is conformant, and its faults are found. */

checkArchitecture(t, cProcesses)
