import type { Clause } from '../clause.ts'

const section = 'P. Reads at the proxy'

export const clauses: readonly Clause[] = [
  {
    id: 'P1',
    section,
    level: 'must',
    source: 'design',
    text:
      'A read of an image that the proxy does not hold is answered ENOENT at once; it never ' +
      'waits.',
    loss:
      "A dump asks for the parent's image of a new task and waits for ever: the process stays " +
      'frozen.',
    origin:
      'Design, December 2015: "The image proxy simply returns an ENOENT error if the image ' +
      'is not cached. This can happen when a previous subprocess was reported by a CRIU ' +
      'Pre-Dump but no longer exists when the CRIU Dump takes place."',
  },
]
