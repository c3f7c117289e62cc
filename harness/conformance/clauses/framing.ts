import type { Clause } from '../clause.ts'

const section = 'F. Framing'

export const clauses: readonly Clause[] = [
  {
    id: 'F1',
    section,
    level: 'must',
    source: 'criu',
    text:
      'A header or reply is one frame: its length as a 32-bit little-endian number, then ' +
      'that many bytes of one protobuf (proto2) message, by whose rules fields come in any ' +
      'order and the last of several counts. No magic, version or checksum surrounds it.',
    origin:
      'CRIU, 2017 to 2020: each message is written as an unsigned 32-bit length in host ' +
      'byte order, then the protobuf.',
  },
  {
    id: 'F2',
    section,
    level: 'must',
    source: 'criu',
    text:
      'Image bytes are not framed. Bytes that arrive together with the end of a header ' +
      'belong to the image, and a frame may arrive byte by byte.',
    origin:
      'CRIU, 2017 to 2020: the image follows its header on the same stream, and a stream ' +
      'keeps no boundaries.',
  },
  {
    id: 'F3',
    section,
    level: 'must',
    source: 'criu',
    text:
      'The messages have the field numbers and types of messages.proto, all fields ' +
      'required. A forwarded header always has an open mode; a receiver takes a forwarded ' +
      'header without an open mode as a write.',
    origin:
      'CRIU, 2017 to 2020: the .proto files of the client and of the daemons. Design, ' +
      'December 2015: "write remote header (protobuf object) with snapshot_id, image path, ' +
      'and image size".',
  },
  {
    id: 'F4',
    section,
    level: 'must',
    source: 'criu',
    text:
      'An open mode is O_RDONLY 0, O_WRONLY 1 or O_APPEND 1024. An error is an errno value: ' +
      '0, or ENOENT 2.',
    weaker: {
      level: 'should',
      text:
        'A server takes O_WRONLY or O_RDONLY with other bits as that mode, and with O_APPEND ' +
        'among them as an append. It may refuse such a header.',
    },
    origin:
      'CRIU, 2017 to 2020: no client sends another value; the constants are those of ' +
      'open(2) and errno(3).',
  },
  {
    id: 'F5',
    section,
    level: 'must',
    source: 'ours',
    text:
      'A size has 64 bits: images over 4 GiB are legal. A name or snapshot id has at most ' +
      '4095 bytes, may hold any UTF-8 text, and is never used as a path by the receiver.',
    loss:
      'An image over 4 GiB arrives cut, so a large process can not be restored. A name like ' +
      '../x overwrites a file of the destination, as root.',
    origin:
      'This project: a shorter size cuts an image, and a name used as a path leaks or ' +
      'overwrites a file. The field is uint64; PATH_MAX less its NUL is 4095.',
  },
  {
    id: 'F6',
    section,
    level: 'must',
    source: 'ours',
    text:
      'Unknown fields are skipped, groups included. A missing field, a frame over the limit ' +
      'of the receiver (at least 16 KiB), invalid UTF-8, bytes that are no protobuf message ' +
      'or a truncated frame ends that connection and no other. A server may refuse groups ' +
      'nested deeper than 32. No frame ends or exhausts the daemon.',
    loss:
      'One malformed connection, of a port scan or a newer client, ends the daemon: all ' +
      'images that it holds are lost.',
    origin:
      'This project: an image of another client would be lost. protobuf skips unknown ' +
      'fields; two names of 4095 bytes fit into 16 KiB.',
  },
  {
    id: 'F7',
    section,
    level: 'should',
    source: 'ours',
    text: 'A daemon logs the reason for which it ended a connection.',
    origin: 'This project: nobody else can tell the user.',
  },
]
