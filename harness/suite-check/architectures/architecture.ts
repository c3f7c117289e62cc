import type { Descriptor } from '../../implementation/descriptor.ts'
import type { Program, SourceMutant } from '../built-program.ts'

/*
 * An architecture is a whole implementation of its own beside the reference, built otherwise: with
 * processes or with threads. Its faults are those that come naturally with its design, and that no
 * change of the reference, a program of one loop, can have.
 */
export interface Architecture extends Program {
  about: string
  dialect: Descriptor['dialect']
  faults: readonly ArchitectureFault[]
}

/** The thing that goes wrong, in the words of the page. */
type Kind =
  | 'order'
  | 'end overtakes'
  | 'cut'
  | 'stall'
  | 'leak'
  | 'limit'
  | 'frames'
  | 'link'
  | 'pieces'
  | 'waiters'
  | 'identity'
  | 'lost wakeup'
  | 'system calls'

/** A fault. The first failure of a whole run cites one of its clauses. */
export interface ArchitectureFault extends SourceMutant {
  kind: Kind
  /** The id of the case that finds it. */
  finder: string
}
