import type { Clause } from '../clause.ts'

const section = 'L. Local connections'

export const clauses: readonly Clause[] = [
  {
    id: 'L1',
    section,
    level: 'must',
    source: 'design',
    text: 'Proxy and cache each listen on one UNIX socket whose path the user can set.',
    origin:
      'Design, December 2015: "The path where the server socket will be listening for ' +
      'connections can be redefined by the command line arguments given by the user."',
  },
  {
    id: 'L2',
    section,
    level: 'must',
    source: 'design',
    text:
      'Each open of an image is a connection of its own; many are open at once, and none ' +
      'delays another.',
    loss:
      'A dump has many images open at once: if one waits for another, the dump hangs and the ' +
      'process stays frozen.',
    origin:
      'Design, December 2015: "Each file open request is served with a new, independent ' +
      'connection."',
  },
  {
    id: 'L3',
    section,
    level: 'must',
    source: 'design',
    text:
      'A read is answered with error 0, then all bytes of the image, then a close. The ' +
      'close is the end of the image.',
    loss:
      'The restore takes the bytes up to the close as the whole image: it never ends, or the ' +
      'restored process has wrong memory.',
    origin:
      'Design, December 2015: "the sender side (image proxy or image cache) will close the ' +
      'UNIX socket when all bytes of the image have been sent."',
  },
  {
    id: 'L4',
    section,
    level: 'must',
    source: 'design',
    text:
      'A read of an image that can not be had is answered with the error, no bytes, and a ' +
      'close.',
    origin:
      'Design, December 2015: "read request reply (protobuf object) containing an error ' +
      'code".',
  },
  {
    id: 'L5',
    section,
    level: 'must',
    source: 'design',
    text:
      'A write has no reply; the close of the client completes the image. A second write of ' +
      'the same image replaces it.',
    loss:
      'An image that is written again keeps its old bytes: the restored process has the state ' +
      'of an earlier moment.',
    origin:
      'Design, December 2015: "the sender side (CRIU Dump/Pre-Dump) will close the UNIX ' +
      'socket when there are no more bytes to write".',
  },
  {
    id: 'L6',
    section,
    level: 'must',
    source: 'design',
    text:
      'An append puts its bytes after the bytes that are there, and creates the image if ' +
      'there is none.',
    loss:
      'Each dump replaces the list of snapshots by its own id: the dump and the restore of an ' +
      'increment find no parent.',
    origin:
      'Design, December 2015: "The path to this socket can be used to open read, write, and ' +
      'append connections."',
  },
  {
    id: 'L7',
    section,
    level: 'must',
    source: 'ours',
    text:
      'An image becomes readable when it is complete, whole or not at all. A reader that ' +
      'has its reply reads exactly the version that it was given, to its last byte; if that ' +
      'version can not be had any more, the connection is reset. A clean close before the ' +
      'last byte is never permitted. An empty image exists.',
    loss:
      'The restore takes a cut image as the whole one: CRIU repeats the read of the missing ' +
      'pages for ever, and the process at the source is gone.',
    origin:
      'This project: the close is the end of the image (L3), so a cut image looks whole to ' +
      'the reader.',
  },
  {
    id: 'L8',
    section,
    level: 'must',
    source: 'ours',
    text: 'A client that disconnects while it reads harms no other client.',
    loss:
      "A dump closes reads of its parent's pages early: the proxy ends, or drops images, and " +
      'the migration fails.',
    origin:
      'This project: the images of other clients would be lost. CRIU, 2017 to 2020: a dump ' +
      'closes reads of parent pages early.',
  },
  {
    id: 'L9',
    section,
    level: 'must',
    source: 'ours',
    text: 'An image can be read any number of times, also at once.',
    loss: 'CRIU 3.6 opens each pages image twice: the second open fails, and so does the restore.',
    origin:
      'CRIU, 2017 to 2020: CRIU 3.6 opens each pages image twice in a restore, and tasks ' +
      'read in parallel; without the second read the restore fails.',
  },
  {
    id: 'L10',
    section,
    level: 'must',
    source: 'criu',
    text:
      'A client can read an image that it completed: a read whose connection is opened ' +
      'after the close of the write or append sees that image. Of two writes or appends, ' +
      'the second of which is opened after the close of the first, the second comes second.',
    loss:
      'A dump with a parent fails: it does not find its own id, or that of its parent, in the ' +
      'list of snapshots.',
    origin:
      'CRIU, 2017 to 2020: a dump appends its id to the list of snapshots and reads the ' +
      'list back with nothing awaited in between; without its own id in the list it fails.',
  },
  {
    id: 'L11',
    section,
    level: 'should',
    source: 'criu',
    text:
      'The length of a reply or of a record of the list comes in one piece, and its body in ' +
      'one piece; the two may be apart. Image bytes may be cut anywhere.',
    origin:
      'CRIU, 2017 to 2020: the client reads each of them with a single read() and takes ' +
      'fewer bytes as an error.',
  },
]
