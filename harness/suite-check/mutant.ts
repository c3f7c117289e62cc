import type { Descriptor } from '../implementation/descriptor.ts'

/*
 * A mutant is a faulty or an odd implementation: the reference with one change, made to its source
 * as the source is loaded. So a mutant differs from the reference in that change only, and follows
 * the reference when the reference changes: a text that is no longer found is an error. Several
 * mutants can be combined into one implementation.
 */
export interface Mutant {
  id: string
  /** The clauses that a fault breaks, or the clauses that permit an oddity. */
  clauses: readonly string[]
  /** The only dialect in which the change shows; 'auto' if undefined. */
  dialect?: Descriptor['dialect']
  about: string
  /** Path of the changed file, relative to the repository's root. */
  file: string
  /** The text to replace. It must be in the file exactly once. */
  find: string
  put: string
}

/**
 * Returns the text of the file at `path` with the changes of the mutants of that file. Throws if a
 * text to replace is not there exactly once.
 */
export function changed(mutants: readonly Mutant[], path: string, text: string): string {
  return mutants
    .filter(({ file }) => file === path)
    .reduce((before, { id, find, put }) => {
      if (before.split(find).length !== 2)
        throw new Error(`making mutant ${id}: expected the text to replace exactly once in ${path}`)
      return before.replace(find, () => put)
    }, text)
}
