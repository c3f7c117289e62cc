import type { Clause } from '../clause.ts'

const section = 'W. Forwarding'

export const clauses: readonly Clause[] = [
  {
    id: 'W1',
    section,
    level: 'must',
    source: 'design',
    text: 'One TCP connection from proxy to cache carries all images.',
    origin:
      'Design, December 2015: "All images sent to the image proxy are forwarded to the ' +
      'image cache through a single TCP connection".',
  },
  {
    id: 'W2',
    section,
    level: 'must',
    source: 'design',
    text: 'The connection is one-way: the cache writes nothing on it.',
    origin:
      'Design, December 2015: "The communication between the image proxy and the image ' +
      'cache is unidirectional".',
  },
  {
    id: 'W3',
    section,
    level: 'must',
    source: 'design',
    text: 'An image is forwarded only after the client completed it.',
    loss:
      'After a dump that failed half way the restore takes a part of an image as the whole ' +
      'one.',
    origin:
      'Design, December 2015: "Images are forwarded (from proxy to cache) only after being ' +
      'successfully received from the CRIU Dump/Pre-Dump."',
  },
  {
    id: 'W4',
    section,
    level: 'must',
    source: 'design',
    text:
      'An image is forwarded as a remote header with snapshot id, name and size, then ' +
      'exactly size bytes, then the next header on the same connection. Images do not ' +
      'interleave.',
    loss:
      'After one wrong size the cache takes image bytes as headers: all later images are ' +
      'lost, after the process at the source is gone.',
    origin:
      "Design, December 2015: \"after reading 'size' bytes, it will expect a new remote " +
      'header".',
  },
  {
    id: 'W5',
    section,
    level: 'must',
    source: 'design',
    text:
      'All images written to the proxy are forwarded, in the order in which they completed: ' +
      'a close that a client made before another connection was opened comes first. Closes ' +
      'that no client can order come in either order.',
    loss:
      'The commit gate takes the arrival of the last image as that of all images: CRIU kills ' +
      'the process at the source although the destination lacks one.',
    origin:
      'Design, December 2015: "All images sent to the image proxy are forwarded to the ' +
      'image cache".',
  },
  {
    id: 'W6',
    section,
    level: 'must',
    source: 'design',
    text:
      'The connection stays open until the dump is finished and is then closed. A close ' +
      'between two images is the only clean end; a reset is none.',
    loss:
      'A broken link looks like a finished dump: the restore takes a lost image as one that ' +
      'no dump wrote, and goes on without it.',
    origin:
      'Design, December 2015: "This connection is closed when the CRIU Dump is finished and ' +
      'we are shore that no more images are coming".',
  },
  {
    id: 'W7',
    section,
    level: 'must',
    source: 'ours',
    text:
      'An end inside a header or an image is a failed migration: the partial image is never ' +
      'served.',
    loss:
      'After a broken link the restore takes a part of an image as the whole one, instead of ' +
      'an error while the process still runs at the source.',
    origin: 'This project: a partial image looks whole to the restore.',
  },
  {
    id: 'W8',
    section,
    level: 'may',
    source: 'design',
    text: 'The connection can be inherited as an open file descriptor.',
    origin: 'Design, December 2015: "a single TCP connection (than can be inherited)".',
  },
  {
    id: 'W9',
    section,
    level: 'must',
    source: 'ours',
    text:
      'Nothing of a second connection ever becomes an image, neither while the link is open ' +
      'nor after its end. The cache refuses, ignores or closes such a connection.',
    weaker: {
      level: 'should',
      text:
        'A connection that ends before its first whole frame was no proxy: the cache goes on ' +
        'waiting for one. Taking it as the end of the link is permitted. The first whole ' +
        'valid frame makes the link; a connection that sends nothing keeps the proxy out for ' +
        'a limited time.',
    },
    loss:
      'A stranger who reaches the port sends images: the destination restores and runs the ' +
      "stranger's program.",
    origin:
      "This project: a stranger's bytes would be restored. W1 says that one connection " +
      'carries everything.',
  },
]
