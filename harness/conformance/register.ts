export type Level = 'must' | 'should' | 'may'

/** A demand of the protocol, in this project's words. */
export interface Clause {
  /** The id never changes, because cases cite it. */
  id: string
  section: string
  level: Level
  /** Dialects for which it holds; all unless given. */
  dialects?: readonly string[]
  text: string
  /**
   * `design`: the design of December 2015. `criu`: what CRIU did on the wire. `ours`: this
   * project's requirement where both are silent.
   */
  source: 'design' | 'criu' | 'ours'
}

const framing = 'F. Framing'
const local = 'L. Local connections'
const snapshots = 'S. Snapshots'
const forwarding = 'W. Forwarding'
const proxyReads = 'P. Reads at the proxy'
const cacheReads = 'C. Reads at the cache'
const end = 'E. End of a dump and of a restore'
const dialects = 'D. Dialects'

/** All clauses. A test fails if no case judges a MUST. */
export const clauses: readonly Clause[] = [
  {
    id: 'F1',
    section: framing,
    level: 'must',
    source: 'criu',
    text:
      'A header or reply is one frame: its length as a 32-bit little-endian number, then that ' +
      'many bytes of one protobuf message.',
  },
  {
    id: 'F2',
    section: framing,
    level: 'must',
    source: 'criu',
    text:
      'Image bytes are not framed. Bytes that arrive together with the end of a header belong to ' +
      'the image, and a frame may arrive byte by byte.',
  },
  {
    id: 'F3',
    section: framing,
    level: 'must',
    source: 'criu',
    text:
      'The messages have the field numbers and types of messages.proto. A forwarded header ' +
      'always has an open mode; a header without one is taken as a write.',
  },
  {
    id: 'F4',
    section: framing,
    level: 'must',
    source: 'criu',
    text:
      'Open modes are the values of open(2): read 0, write 1, append 1024. Errors are errno ' +
      'values: 0 for no error, 2 for ENOENT.',
  },
  {
    id: 'F5',
    section: framing,
    level: 'must',
    source: 'ours',
    text:
      'Sizes have 64 bits. Names and snapshot ids have up to 4095 bytes, may hold any character, ' +
      'and are never paths for the receiver.',
  },
  {
    id: 'F6',
    section: framing,
    level: 'must',
    source: 'ours',
    text:
      'Unknown fields are skipped. A frame that lacks a field, is too long, is not UTF-8 where ' +
      'it must be, or is cut off ends its connection and no other.',
  },
  {
    id: 'F7',
    section: framing,
    level: 'should',
    source: 'ours',
    text: 'The reason for which a connection was ended is logged.',
  },
  {
    id: 'L1',
    section: local,
    level: 'must',
    source: 'design',
    text: 'Proxy and cache each listen on a UNIX socket whose path the user can set.',
  },
  {
    id: 'L2',
    section: local,
    level: 'must',
    source: 'design',
    text:
      'Each open of an image is a connection of its own. Many are open at once, and none delays ' +
      'another.',
  },
  {
    id: 'L3',
    section: local,
    level: 'must',
    source: 'design',
    text:
      'A read is answered with error 0, then all bytes of the image, then a close, which is the ' +
      'end of the image.',
  },
  {
    id: 'L4',
    section: local,
    level: 'must',
    source: 'design',
    text: 'A read of an image that cannot be had is answered with the error, no bytes, and a close.',
  },
  {
    id: 'L5',
    section: local,
    level: 'must',
    source: 'design',
    text:
      "A write has no answer. The client's close completes the image, and a later write of the " +
      'same image replaces it.',
  },
  {
    id: 'L6',
    section: local,
    level: 'must',
    source: 'design',
    text: 'An append puts its bytes after the present ones, and creates the image if it is missing.',
  },
  {
    id: 'L7',
    section: local,
    level: 'must',
    source: 'ours',
    text:
      'An image is read whole or not at all, and a reader that has begun gets the version that ' +
      'it was given. An empty image exists.',
  },
  {
    id: 'L8',
    section: local,
    level: 'must',
    source: 'ours',
    text: 'A client that leaves while it reads harms no other client.',
  },
  {
    id: 'L9',
    section: local,
    level: 'must',
    source: 'ours',
    text: 'An image can be read any number of times, also at once.',
  },
  {
    id: 'S1',
    section: snapshots,
    level: 'must',
    source: 'design',
    text: 'Snapshot id and name together identify an image: one name under two ids is two images.',
  },
  {
    id: 'S2',
    section: snapshots,
    level: 'must',
    source: 'criu',
    text:
      'The list of snapshots is the image `parent` of the null snapshot: one snapshot_id_entry ' +
      'frame for each dump, in order, by appends.',
  },
  {
    id: 'S3',
    section: snapshots,
    level: 'must',
    source: 'criu',
    text:
      'The list is read like any image: from the proxy while dumping, from the cache while ' +
      'restoring.',
  },
  {
    id: 'S4',
    section: snapshots,
    level: 'must',
    source: 'design',
    text:
      'Images of earlier snapshots are read from the proxy while dumping, from the cache while ' +
      'restoring.',
  },
  {
    id: 'W1',
    section: forwarding,
    level: 'must',
    source: 'design',
    text: 'One TCP connection from proxy to cache carries all images.',
  },
  {
    id: 'W2',
    section: forwarding,
    level: 'must',
    source: 'design',
    text: 'That connection is one-way: the cache writes no byte on it.',
  },
  {
    id: 'W3',
    section: forwarding,
    level: 'must',
    source: 'design',
    text: 'An image is forwarded only after its writer has completed it.',
  },
  {
    id: 'W4',
    section: forwarding,
    level: 'must',
    source: 'design',
    text:
      'An image is forwarded as a header with id, name and size, then exactly that many bytes, ' +
      'then the next header. Images do not interleave.',
  },
  {
    id: 'W5',
    section: forwarding,
    level: 'must',
    source: 'design',
    text: 'All written images are forwarded, in the order in which they were completed.',
  },
  {
    id: 'W6',
    section: forwarding,
    level: 'must',
    source: 'design',
    text:
      'The connection stays open until the dump is finished, and is then closed between two ' +
      'images: no other end is clean.',
  },
  {
    id: 'W7',
    section: forwarding,
    level: 'must',
    source: 'ours',
    text:
      'An end inside a header or an image is a failed migration. The partial image is never ' +
      'served.',
  },
  {
    id: 'W8',
    section: forwarding,
    level: 'may',
    source: 'design',
    text: 'The connection can be inherited as an open file descriptor.',
  },
  {
    id: 'P1',
    section: proxyReads,
    level: 'must',
    source: 'design',
    text: 'A read of an image that the proxy does not hold is answered with ENOENT at once.',
  },
  {
    id: 'C1',
    section: cacheReads,
    level: 'must',
    source: 'design',
    text:
      'A read of an image that the cache holds is answered at once, whether or not the ' +
      'connection to the proxy is still open.',
  },
  {
    id: 'C2',
    section: cacheReads,
    level: 'must',
    source: 'design',
    text:
      'A read of an image that has not come waits while that connection is open, and is answered ' +
      'as soon as the image is complete.',
  },
  {
    id: 'C3',
    section: cacheReads,
    level: 'must',
    source: 'design',
    text:
      'When the connection closes, waiting clients get ENOENT, and so do later reads of missing ' +
      'images, at once.',
  },
  {
    id: 'C4',
    section: cacheReads,
    level: 'must',
    source: 'ours',
    text: 'Until a proxy has connected, the connection counts as open.',
  },
  {
    id: 'E1',
    section: end,
    level: 'must',
    source: 'criu',
    text:
      'A write of the finish name ends the dump: the proxy takes no new work, forwards all ' +
      'images that it has, closes the connection and exits with 0.',
  },
  {
    id: 'E2',
    section: end,
    level: 'must',
    source: 'criu',
    text:
      'A read of the finish name ends the restore: the cache exits with 0 after the connection ' +
      'is closed as well.',
  },
  {
    id: 'E3',
    section: end,
    level: 'must',
    source: 'criu',
    text: 'The proxy stays from the first pre-dump to the end of the dump.',
  },
  {
    id: 'D1',
    section: dialects,
    level: 'must',
    source: 'criu',
    text:
      'The null snapshot id and the finish names are those of the dialect; `auto` understands ' +
      'those of both.',
  },
  {
    id: 'D2',
    section: dialects,
    level: 'must',
    source: 'criu',
    text:
      'An append is forwarded in the form of the dialect: the whole image, which supersedes the ' +
      'old one (ours), or the new bytes under the size of the whole image (criu-2017, ' +
      'criu-2019).',
  },
  {
    id: 'D3',
    section: dialects,
    level: 'must',
    source: 'criu',
    dialects: ['criu-2017'],
    text: 'The finish of a restore is answered with a reply of any value.',
  },
]

/** Returns the clause with this id. Throws for an unknown id. */
export function clause(id: string): Clause {
  const found = clauses.find((each) => each.id === id)
  if (found === undefined)
    throw new Error(`looking up clause ${id}: the register has no such clause`)
  return found
}
