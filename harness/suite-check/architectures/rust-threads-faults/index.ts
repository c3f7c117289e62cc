import type { ArchitectureFault } from '../architecture.ts'
import { cacheFaults } from './cache.ts'
import { endFaults } from './end.ts'
import { orderFaults } from './order.ts'
import { readerFaults } from './readers.ts'
import { resourceFaults } from './resources.ts'

/* The faults of the implementation with threads. A file of fixtures/rust-threads/ has each text. */

export const rustThreadsFaults: readonly ArchitectureFault[] = [
  ...orderFaults,
  ...endFaults,
  ...readerFaults,
  ...resourceFaults,
  ...cacheFaults,
]
