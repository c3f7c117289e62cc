import type { Clause } from '../clause.ts'

const section = 'K. Client (dump, pre-dump, restore)'

export const clauses: readonly Clause[] = [
  {
    id: 'K1',
    section,
    level: 'must',
    source: 'design',
    text:
      'Each open of an image is a connection of its own with one request. Many are open at once, ' +
      'those of several tasks included.',
    loss: 'The bytes of two images mix: the restore fails after the dump has killed the process.',
    origin:
      'Design, December 2015: a connection per image, whose close is the end of the image. CRIU, ' +
      '2017 to 2020: read_remote_image_connection and write_remote_image_connection.',
  },
  {
    id: 'K2',
    section,
    level: 'must',
    source: 'design',
    text:
      'A connection begins with its request: one local_image_entry frame with all three fields, ' +
      'and open_mode 0, 1 or 1024. Its pieces may be of any size.',
    loss: 'The servers drop the connection (F6), and the image is lost.',
    origin: 'Design, December 2015: the local header. CRIU: write_header, all fields required.',
  },
  {
    id: 'K3',
    section,
    level: 'must',
    source: 'design',
    text:
      'After the request of a read a client sends nothing more. It takes exactly the frame of ' +
      'the reply from the stream, and the bytes after it until the close as the image, also if ' +
      'both come in one piece.',
    loss:
      'The first bytes of an image are taken for a part of the reply: the restore fails, or ' +
      'restores other memory.',
    origin: 'Design, December 2015: reply, bytes, close. The close is the only end (L3).',
  },
  {
    id: 'K4',
    section,
    level: 'must',
    source: 'design',
    text:
      'A reply, a record of the list and an image may come in pieces of any size: a client reads ' +
      'until it has the whole.',
    loss:
      'A restore fails because the kernel cut six bytes in two, after the dump has killed the ' +
      'process.',
    origin:
      'Design, December 2015: a stream socket, which keeps no borders of messages (F2). CRIU of ' +
      '2017 to 2020 reads each of them once (protobuf.c:do_pb_read_one).',
  },
  {
    id: 'K5',
    section,
    level: 'must',
    source: 'criu',
    text:
      'ENOENT is an answer: the image does not exist. For an optional image the command goes on ' +
      'without it; for a needed one, such as inventory.img, core-PID.img and the list of ' +
      'snapshots, the command fails.',
    loss:
      'A tree without optional images can not be restored; or a restore without a needed image ' +
      'gives a process that lacks a part of its state.',
    origin: 'CRIU, 2017 to 2020: image.c:do_open_image; the readers decide which they need.',
  },
  {
    id: 'K6',
    section,
    level: 'must',
    source: 'ours',
    text:
      'Any other error of a reply is a failure of the command, for an optional image too, and ' +
      'whatever an earlier request was answered. It never counts as a missing image. Only a dump ' +
      'that cannot read its parent may go on, with all pages in its own images.',
    loss:
      'An image that exists and could not be read counts as missing: the process is restored ' +
      'without a part of its state, and nobody is told.',
    origin:
      'This project: a reply with an error is not the answer that an image does not exist. CRIU ' +
      'of 2017 to 2020 takes an errno of an earlier call instead (image.c:do_open_image).',
  },
  {
    id: 'K7',
    section,
    level: 'must',
    source: 'ours',
    text:
      'A connection that ends before the whole reply is a failure of the command. It is neither ' +
      'a reply of 0 nor a missing image.',
    loss:
      'A server that ends looks like an empty or missing image: the process is restored without ' +
      'a part of its state.',
    origin:
      'This project: the server owes a reply (L3, L4). CRIU of 2017 to 2020 takes the end for ' +
      'success (img-remote.c:read_reply_header).',
  },
  {
    id: 'K8',
    section,
    level: 'must',
    source: 'ours',
    text:
      'An image that ends before its last byte makes the restore fail with a reason: within a ' +
      'record, between two records of which one is needed, and inside a page. No command spins ' +
      'or waits for bytes after the end.',
    loss:
      'The process is restored with wrong memory, or the restore never ends and holds the ' +
      'images that another one could use.',
    origin:
      'This project: a reset link cuts images (L7). CRIU of 2017 spins ' +
      '(pagemap.c:maybe_read_page_img_cache).',
  },
  {
    id: 'K9',
    section,
    level: 'must',
    source: 'criu',
    text:
      'A dump and a pre-dump begin with an append of their snapshot id, the images directory as ' +
      'it was given, as one record to the list of snapshots (parent, null id) at the proxy. They ' +
      'close it before any other open, then read the list back, and fail if their id is not in ' +
      'it.',
    loss: 'The order of the list is that of the snapshots: a dump takes a wrong parent.',
    origin: 'CRIU, 2017 to 2020: img-remote.c:push_snapshot_id, pull_snapshot_ids (S2, S3).',
  },
  {
    id: 'K10',
    section,
    level: 'must',
    source: 'criu',
    text:
      "The parent of a snapshot is the record before its own. A dump reads its parents' images " +
      'at the proxy, a restore at the cache, each under the id of its snapshot; the first ' +
      'snapshot has no parent.',
    loss: 'Pages of another snapshot are restored, or none: the process is lost.',
    origin: 'CRIU, 2017 to 2020: get_snapshot_id_from_idx, try_open_parent (S4).',
  },
  {
    id: 'K11',
    section,
    level: 'must',
    source: 'criu',
    text:
      'A process that a pre-dump saw may be gone at the dump, and another may be new. Nothing of ' +
      'the first is needed any more. ENOENT for the parent of the second means that all of its ' +
      'pages belong to the dump.',
    loss: 'The dump fails each time a subprocess ends or starts; the process is unharmed.',
    origin:
      'CRIU, 2017 to 2020: page-xfer.c:open_page_local_xfer logs a parent that is missing, and ' +
      'goes on (P1).',
  },
  {
    id: 'K12',
    section,
    level: 'must',
    source: 'design',
    text:
      'A dump and a pre-dump open images at the proxy only, and write each under their own ' +
      'snapshot id. A restore only reads, and at the cache only.',
    loss:
      'At two hosts there is no cache at the source and no proxy at the destination: the image ' +
      'is lost.',
    origin:
      'Design, December 2015: dump to proxy, cache to restore. CRIU of 2017 to 2020 with ' +
      '--auto-dedup writes at the proxy for pages that it reads (pagemap.c:open_page_read_at).',
  },
  {
    id: 'K13',
    section,
    level: 'must',
    source: 'ours',
    text: 'No bytes of an image are in a file of the images directory or the work directory.',
    loss: 'The memory of the process stays readable on a disk after the migration.',
    origin: 'The purpose of the design of December 2015: diskless migration (R3).',
  },
  {
    id: 'K14',
    section,
    level: 'must',
    source: 'criu',
    text:
      'A dump that succeeds writes the finish name under the null id at the proxy, exactly once, ' +
      'with no bytes. It does so after each other connection of the dump was closed. A pre-dump ' +
      'sends no finish.',
    loss:
      'The proxy drops the images that come after the finish (E1a), and the process is lost; ' +
      'after the finish of a pre-dump the dump finds no proxy.',
    origin: 'CRIU, 2017 to 2020: img-remote.c:finish_remote_dump, called by cr_dump_finish.',
  },
  {
    id: 'K15',
    section,
    level: 'must',
    source: 'ours',
    text:
      'A dump or pre-dump that fails exits with a code from 1 to 128, says why, and leaves the ' +
      'process at the source as it was: no process of the tree is gone or stopped. That holds ' +
      'if the proxy is gone before, in the middle or at the end of it.',
    weaker: { level: 'should', text: 'A dump that failed sends no finish.' },
    loss:
      'The process is lost: dead or stopped at the source, with images from which it can not be ' +
      'restored. A finish after a failed dump makes the cache take its images for whole.',
    origin:
      'This project: never on neither side. CRIU of 2017 and 2019 dies by SIGPIPE; all send the ' +
      'finish after a failed dump too (cr-dump.c:cr_dump_finish).',
  },
  {
    id: 'K16',
    section,
    level: 'must',
    source: 'ours',
    text:
      'A dump kills the tree as its last act: only after every image was written and closed and ' +
      'the finish was sent without an error. Then no process of the tree is left at the source.',
    loss:
      'The tree is dead, the finish was not sent, and the cache never learns that its images are ' +
      'whole: the process is lost. Or it lives at both sides.',
    origin:
      'This project: a dump that can still fail has to leave the process. CRIU of 2017 to 2020 ' +
      'kills first (cr-dump.c:cr_dump_finish).',
  },
  {
    id: 'K17',
    section,
    level: 'must',
    source: 'criu',
    text:
      'A restore that succeeds reads the finish name under the null id at the cache, once, after ' +
      'the last read of an image was opened. A restore that fails does not: it can be tried ' +
      'again. No answer to the finish undoes the restore.',
    loss:
      'The cache ends and drops its images while the process is restored nowhere: the process is ' +
      'lost. Without a finish the cache holds them for ever.',
    origin:
      'CRIU, 2019 and 2020: cr-restore.c:restore_root_task, on success only. CRIU of 2017 sends ' +
      'the finish after a failure as well (cr_restore_tasks).',
  },
  {
    id: 'K18',
    section,
    level: 'must',
    source: 'ours',
    text:
      'A restore succeeds whole or not at all. If it fails it exits with a code from 1 to 128, ' +
      'says why, and leaves no process of the tree; the same images can be restored again. That ' +
      'holds if the cache is gone before, in the middle or at the end of it.',
    loss: 'A part of the tree runs, with connections and files that a second restore takes as well.',
    origin: 'This project: never on both sides, never on neither.',
  },
  {
    id: 'K19',
    section,
    level: 'must',
    source: 'design',
    text:
      'A client waits for a reply as long as the server takes: a restore may begin before the ' +
      'dump, and then reads each image as it comes.',
    loss: 'A restore that began early fails, or takes an image that is still on its way as missing.',
    origin: 'Design, December 2015: reads at the cache wait for images (C2, C4).',
  },
]
