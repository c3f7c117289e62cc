import type { Architecture } from './architecture.ts'
import { cProcesses } from './c-processes.ts'
import { rustThreads } from './rust-threads.ts'

/** The implementations of other architectures than the reference. */
export const architectures: readonly Architecture[] = [cProcesses, rustThreads]

/** The ids of the cases that find a fault of such an implementation. */
export const architectureFinders: readonly string[] = architectures.flatMap(({ faults }) =>
  faults.map(({ finder }) => finder),
)
