import type { Descriptor } from '../../implementation/descriptor.ts'

/*
 * An architecture is a whole implementation of its own beside the reference, built otherwise: with
 * processes or with threads. Its faults are those that come naturally with its design, and that no
 * change of the reference, a program of one loop, can have.
 */
export interface Architecture {
  /** Name of its folder in fixtures/. */
  name: string
  about: string
  dialect: Descriptor['dialect']
  /** The ending of its source files. */
  source: '.c' | '.rs'
  /** The program that shows by `--version` whether this machine can build it. */
  compiler: string
  /**
   * Returns the parameters with which the compiler, in the folder of the sources, makes `program`
   * from them.
   */
  parameters(sources: readonly string[], program: string): string[]
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

/** A fault: the sound implementation with a few changes of its text. */
export interface ArchitectureFault {
  id: string
  kind: Kind
  /** The clauses that it breaks. The first failure of a whole run cites one of them. */
  clauses: readonly string[]
  about: string
  changes: readonly Change[]
  /** The id of the case that finds it in every run. */
  finder: string
}

/** A change of a source file of the implementation. */
interface Change {
  file: string
  /** The text to replace. It must be in the file exactly once. */
  find: string
  put: string
}
