import type { Architecture } from './architecture.ts'
import { cProcesses } from './c-processes.ts'

/** The implementations of other architectures than the reference. */
export const architectures: readonly Architecture[] = [cProcesses]
