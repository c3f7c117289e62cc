import type { Clause } from '../clause.ts'

const section = 'C. Reads at the cache'

export const clauses: readonly Clause[] = [
  {
    id: 'C1',
    section,
    level: 'must',
    source: 'design',
    text:
      'A read of an image that the cache holds is answered at once, while the connection to ' +
      'the proxy is open or after.',
    origin:
      'Design, December 2015: "keeps images (received from the image proxy) in memory and ' +
      'sends them to CRIU Restore when asked".',
  },
  {
    id: 'C2',
    section,
    level: 'must',
    source: 'design',
    text:
      'A read of an image that has not come waits while the connection to the proxy is ' +
      'open, and is answered as soon as the image is complete.',
    loss:
      'A restore that starts before the end of the dump fails, or hangs although its images ' +
      'have come.',
    origin: 'Design, December 2015: "it will wait for the image to be received".',
  },
  {
    id: 'C3',
    section,
    level: 'must',
    source: 'design',
    text:
      'When the connection closes, every waiting read whose image did not come gets ENOENT, ' +
      'and so do later reads of missing images, at once.',
    loss:
      'A restore asks for images that no dump writes and waits for ever, although every image ' +
      'has come; after a broken link nobody learns that the migration failed.',
    origin:
      'Design, December 2015: "If it is never received, when the connection between proxy ' +
      'and cache is closed, the request will received an ENOENT reply."',
  },
  {
    id: 'C4',
    section,
    level: 'must',
    source: 'ours',
    text:
      'A cache that has no connection from a proxy yet counts as a cache whose connection ' +
      'is open: reads wait.',
    loss: 'A restore that starts before the proxy fails at once.',
    origin: 'This project: a restore that starts first would lose every image.',
  },
]
