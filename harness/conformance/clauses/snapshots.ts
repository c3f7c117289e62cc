import type { Clause } from '../clause.ts'

const section = 'S. Snapshots'

export const clauses: readonly Clause[] = [
  {
    id: 'S1',
    section,
    level: 'must',
    source: 'design',
    text:
      'Snapshot id and name together identify an image: the same name under two ids is two ' +
      'images.',
    loss:
      'Images of two snapshots overwrite each other: the restored process has memory of two ' +
      'moments.',
    origin:
      'Design, December 2015: "a CRIU Pre-Dump and a CRIU Dump might create two images with ' +
      'the same name. Therefore, we need to distinguish both images."',
  },
  {
    id: 'S2',
    section,
    level: 'must',
    source: 'criu',
    text:
      'The list of snapshots is the image `parent` of the null snapshot id: each dump ' +
      'appends one snapshot_id_entry frame at the proxy, and the order of the list is the ' +
      'hierarchy.',
    loss:
      'A dump takes another snapshot as its parent: the restored process has stale memory in ' +
      'each page that the dump left to its parent.',
    origin: 'CRIU, 2017 to 2020: the first act of each pre-dump and dump.',
  },
  {
    id: 'S3',
    section,
    level: 'must',
    source: 'criu',
    text: 'Dump reads the list from the proxy, restore from the cache, by an ordinary read.',
    loss:
      'A dump with a parent fails, and so does the restore of an increment: neither can tell ' +
      'which snapshot the parent is.',
    origin: 'CRIU, 2017 to 2020: an ordinary read request of `parent` under the null snapshot id.',
  },
  {
    id: 'S4',
    section,
    level: 'must',
    source: 'design',
    text:
      'Images of earlier snapshots are read from the proxy while dumping, and from the ' +
      'cache while restoring.',
    loss:
      'The restore of an increment fails: it lacks every page that did not change after the ' +
      "parent's dump.",
    origin:
      'Design, December 2015: "CRIU code is changed to be able to open images from parent ' +
      'snapshots. These images are read from the image proxy (for CRIU Dump/Pre-Dump) and ' +
      'image cache (for CRIU Restore)."',
  },
]
