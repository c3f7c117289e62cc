import type { Clause } from '../clause.ts'

const section = 'R. Resources'

export const clauses: readonly Clause[] = [
  {
    id: 'R1',
    section,
    level: 'should',
    source: 'ours',
    text:
      'Descriptors, threads, processes and memory of a connection are given back when it ends: a ' +
      'thousand connections after one another need no more than ten.',
    origin:
      'This project: a migration opens a thousand connections, and a daemon that runs out of ' +
      'descriptors in its middle loses it.',
  },
  {
    id: 'R2',
    section,
    level: 'should',
    source: 'ours',
    text:
      "After the exit nothing is left: no process of the daemon's, no file, directory, socket or " +
      'shared memory.',
    origin: 'This project: images in a leftover are memory of a process that runs elsewhere.',
  },
  {
    id: 'R3',
    section,
    level: 'must',
    source: 'ours',
    text: 'No byte of an image is written to a disk.',
    loss:
      'The memory of the process, with its keys and passwords, stays readable on a disk after ' +
      'the migration.',
    origin: 'The purpose of the design of December 2015: diskless migration.',
  },
  {
    id: 'R4',
    section,
    level: 'should',
    source: 'ours',
    text:
      'A daemon that reaches its limit of descriptors leaves connections waiting in the backlog: ' +
      'none that was accepted is dropped without a word, and every write is taken once the link ' +
      'moves again.',
    weaker: {
      level: 'may',
      text:
        'A proxy stops taking bytes from writers while more waits for the link than it wants to ' +
        'hold (at least 16 images or 16 MiB); readers are served meanwhile.',
    },
    origin: 'This project: an image that was dropped is missing in the restore.',
  },
]
