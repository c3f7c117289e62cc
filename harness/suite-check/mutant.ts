import type { Descriptor } from '../implementation/descriptor.ts'

/*
 * A faulty or an odd implementation: the reference with a change, made to its source as it is loaded. So each differs
 * from the reference in what it says and in nothing else, and follows the reference when that changes: a text that is
 * not found any more is an error. Several changes make one implementation too.
 */
export interface Mutant {
  id: string
  /** The clauses that a fault breaks; for an oddity those that permit it. */
  clauses: readonly string[]
  /** Where it shows in one dialect only; otherwise it speaks 'auto'. */
  dialect?: Descriptor['dialect']
  about: string
  /** In which file, below the root. */
  file: string
  find: string
  put: string
}

/** The text of a file, by its path below the root, with those of the changes that are in it. Throws where one's text is not found, or is found twice. */
export function changed(mutants: readonly Mutant[], path: string, text: string): string {
  return mutants
    .filter(({ file }) => file === path)
    .reduce((before, { id, find, put }) => {
      if (before.split(find).length !== 2)
        throw new Error(`changing the reference to ${id}: expected its text once in ${path}`)
      return before.replace(find, () => put)
    }, text)
}
