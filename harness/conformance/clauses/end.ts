import type { Clause } from '../clause.ts'

const section = 'E. End of a dump and of a restore'

export const clauses: readonly Clause[] = [
  {
    id: 'E1',
    section,
    level: 'must',
    source: 'criu',
    text:
      'A write of the finish name under the null snapshot id ends the dump: the proxy takes ' +
      'no new work, forwards the images that it has, closes the TCP connection, and exits ' +
      '0.',
    loss:
      'The last images stay at the source, whose process is gone; or the link stays open, and ' +
      'the restore waits for ever for images that no dump writes.',
    origin:
      'CRIU, 2017 to 2020: the last act of a dump. Design, December 2015: "This connection ' +
      'is closed when the CRIU Dump is finished".',
  },
  {
    id: 'E1a',
    section,
    level: 'must',
    source: 'ours',
    text:
      'At the finish, a write whose client closed its connection before the header of the ' +
      'finish was sent is complete and is forwarded, even if the proxy has not read it yet. ' +
      'A write whose whole header came before the finish may go on and is forwarded when ' +
      'complete.',
    weaker: {
      level: 'should',
      text:
        'A connection without a whole header is dropped, and may be dropped at once. A ' +
        'connection that falls silent may be dropped after a limit, which then counts as a ' +
        'lost image.',
    },
    loss:
      'The dump succeeds and CRIU kills the process at the source, but the proxy drops its ' +
      'last images: the restore fails, and no host has the process.',
    origin: 'This project: images would be lost without a word.',
  },
  {
    id: 'E1b',
    section,
    level: 'must',
    source: 'ours',
    text:
      'The finish counts from its header and does not cut readers: a reader that has its ' +
      'reply gets its whole version before the exit.',
    weaker: {
      level: 'should',
      text:
        'A reader that takes nothing for 10 s or longer may be reset, so that it holds the ' +
        'exit no longer.',
    },
    loss:
      'A copy of the images that runs at the finish is cut, with exit 0: a backup that can ' +
      'not be restored.',
    origin: 'This project: a cut image looks whole to the reader (L7).',
  },
  {
    id: 'E2',
    section,
    level: 'must',
    source: 'criu',
    text:
      'A read of the finish name under the null snapshot id ends the restore: the cache ' +
      'exits 0 once the connection of the proxy is closed as well.',
    loss:
      'The cache exits before the last images have come, and they are lost; or it stays, and ' +
      'holds its memory and its port for ever.',
    origin: 'CRIU, 2017 to 2020: the last act of a restore.',
  },
  {
    id: 'E3',
    section,
    level: 'must',
    source: 'criu',
    text:
      'The proxy stays from the first pre-dump to the end of the dump: it is one process ' +
      'for the whole migration.',
    loss: 'The proxy is gone before the dump: CRIU finds no socket, and the dump fails.',
    origin: 'CRIU, 2017 to 2020: pre-dumps send no finish.',
  },
  {
    id: 'E4',
    section,
    level: 'should',
    source: 'ours',
    text:
      'A daemon whose migration failed (link lost or malformed, an image lost) ends with an ' +
      'exit code that is not 0, and says why; a daemon that ended cleanly exits with 0.',
    origin:
      "This project: the seed and CRIU say nothing of it; CRIU's own daemons exit 0 after a " +
      'lost link.',
  },
]
