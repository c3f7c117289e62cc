import type { ArchitectureFault } from './architecture.ts'

/* The faults of the implementation with processes. A file of fixtures/c-processes/ has the text. */

export const cProcessesFaults: readonly ArchitectureFault[] = []
