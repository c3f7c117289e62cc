import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { basename } from 'node:path'
import {
  type Case,
  demand,
  describe,
  ENOENT,
  expectImage,
  header,
  localImage,
  MEGABYTE,
  NAME_LIMIT,
  O_APPEND,
  O_RDONLY,
  O_WRONLY,
  someBytes,
} from '../../harness/conformance/index.ts'
import { imageOnLink, linkIsLost, NEVER, PARTIAL } from '../model/cache.ts'
import {
  frameOf,
  groupField,
  NAME,
  numberField,
  OPEN_MODE,
  SIZE,
  SNAPSHOT_ID,
  textField,
  unknownFields,
} from '../model/message.ts'
import { servesAll } from '../model/pair.ts'

/*
 * Cases for the cache: framing at its UNIX socket and on the link, and images of all sizes (F). All
 * inputs are legal, except for announced sizes whose bytes never come.
 */

/** Returns each byte as a piece of its own. */
const single = (bytes: Buffer) => Array.from(bytes, (_, at) => bytes.subarray(at, at + 1))

export const cases: readonly Case[] = [
  {
    id: 'cache-empty-image',
    clauses: ['L7', 'W4', 'C2'],
    role: 'cache',
    about:
      'A client waits for an empty image, after which no image comes yet. It gets error 0 and no ' +
      'bytes, and so does another read. Then the next image is served.',
    async run(cache) {
      const waiter = await cache.openRead('1', 'empty.img')
      await cache.forward('1', 'empty.img', Buffer.alloc(0))
      const what = 'the answer to a client that waits for an image of size 0'
      const permitted = { outcome: 'error 0, no bytes, and a close', clause: 'L7' }
      expectImage(await cache.answer(waiter, what, permitted), Buffer.alloc(0), 'L7', what)
      expectImage(await cache.read('1', 'empty.img'), Buffer.alloc(0), 'L7')
      await cache.stillServes('W4')
    },
  },
  {
    id: 'cache-image-ends-with-its-last-byte',
    clauses: ['W4', 'C2'],
    role: 'cache',
    about:
      'Images of 4096 bytes and of multiples of that come one after the other. Each is read before ' +
      'the next comes, and served at once: its size ends it, not the bytes after it.',
    async run(cache) {
      for (const pages of [1, 2, 16, 256]) {
        const bytes = someBytes(pages * 4096, pages)
        await cache.forward('1', `${pages}.img`, bytes)
        const what = `the answer to a read of an image of ${bytes.length} bytes`
        const permitted = { outcome: 'the image, although no byte follows it', clause: 'W4' }
        const client = await cache.openRead('1', `${pages}.img`)
        expectImage(await cache.answer(client, what, permitted), bytes, 'C2', what)
      }
    },
  },
  {
    id: 'cache-local-header-byte-by-byte',
    clauses: ['F1', 'F2'],
    role: 'cache',
    about:
      'A client sends the header of a read in single bytes, its length included. It gets the ' +
      'image.',
    async run(cache) {
      const bytes = Buffer.from('asked for slowly')
      await cache.forward('1', 'slow.img', bytes)
      const client = await cache.connect()
      await client.sendPieces(
        single(localImage.encode({ snapshotId: '1', name: 'slow.img', openMode: O_RDONLY })),
      )
      expectImage(await cache.answer(client), bytes, 'F2')
    },
  },
  {
    id: 'cache-link-byte-by-byte',
    clauses: ['F1', 'F2', 'W4'],
    role: 'cache',
    about:
      'The proxy sends three images, one of them empty, in single bytes: headers and image ' +
      'bytes. All three are served.',
    async run(cache) {
      const images = {
        'a.img': Buffer.from('one'),
        'empty.img': Buffer.alloc(0),
        'b.img': Buffer.from('three'),
      }
      const stream = Buffer.concat(
        Object.entries(images).map(([name, bytes]) => imageOnLink('1', name, bytes)),
      )
      await cache.link.sendPieces(single(stream))
      for (const [name, bytes] of Object.entries(images))
        expectImage(await cache.read('1', name), bytes, 'F2')
    },
  },
  {
    id: 'cache-link-cut-anywhere',
    clauses: ['F1', 'F2', 'W4'],
    role: 'cache',
    about:
      'The proxy sends a short image, under a new name each time, in two segments that are cut ' +
      'at each position in turn. Every image is served whole.',
    async run(cache) {
      const bytes = Buffer.from([4, 0, 0, 0, 10, 0, 255])
      for (let cut = 1; cut < imageOnLink('1', 'cut-10', bytes).length; cut++) {
        const name = `cut-${cut + 10}`
        const stream = imageOnLink('1', name, bytes)
        await cache.link.sendPieces([stream.subarray(0, cut), stream.subarray(cut)])
        expectImage(
          await cache.read('1', name),
          bytes,
          'F2',
          `an image that was cut at byte ${cut}`,
        )
      }
    },
  },
  {
    id: 'cache-link-many-images-in-one-segment',
    clauses: ['F2', 'W4'],
    role: 'cache',
    about:
      'Two hundred small images, some of them empty, come in one piece. Each is served with ' +
      'exactly its own bytes.',
    async run(cache) {
      const images = Array.from({ length: 200 }, (_, at) => ({
        snapshotId: '1',
        name: `${at}.img`,
        bytes: someBytes(at % 7, at),
      }))
      await cache.link.send(
        Buffer.concat(images.map(({ name, bytes }) => imageOnLink('1', name, bytes))),
      )
      await servesAll(cache, images.toReversed(), 'W4')
    },
  },
  {
    id: 'cache-link-header-without-open-mode',
    clauses: ['F3', 'W4'],
    role: 'cache',
    about:
      'A forwarding header without an open mode, as in the first design, is a write. Its image ' +
      'and the next one are served.',
    async run(cache) {
      const bytes = Buffer.from('no open mode')
      await cache.link.send(
        Buffer.concat([
          frameOf(
            textField(NAME, 'a.img'),
            textField(SNAPSHOT_ID, '1'),
            numberField(SIZE, bytes.length),
          ),
          bytes,
        ]),
      )
      expectImage(await cache.read('1', 'a.img'), bytes, 'F3')
      await cache.stillServes('W4')
    },
  },
  {
    id: 'cache-link-unknown-fields',
    clauses: ['F3', 'F6'],
    role: 'cache',
    about:
      'Forwarding headers have unknown fields of every wire type but groups before, between and ' +
      'after the known ones, and these in another order. The unknown fields are skipped.',
    async run(cache) {
      const bytes = Buffer.from('from a later version')
      const known = [
        numberField(SIZE, bytes.length),
        numberField(OPEN_MODE, O_WRONLY),
        textField(SNAPSHOT_ID, '1'),
        textField(NAME, 'later.img'),
      ]
      const fields = unknownFields.flatMap((unknown, at) => [unknown, known[at] as Buffer])
      await cache.link.send(Buffer.concat([frameOf(...fields, ...unknownFields), bytes]))
      expectImage(await cache.read('1', 'later.img'), bytes, 'F6')
      await cache.stillServes('F6')
    },
  },
  {
    id: 'cache-local-unknown-fields',
    clauses: ['F3', 'F6'],
    role: 'cache',
    about:
      'The header of a read has unknown fields of every wire type but groups around the known ' +
      'ones, and these in another order. The client gets the image.',
    async run(cache) {
      const bytes = Buffer.from('asked for by a later version')
      await cache.forward('1', 'later.img', bytes)
      const client = await cache.connect()
      const known = [
        numberField(OPEN_MODE, O_RDONLY),
        textField(SNAPSHOT_ID, '1'),
        textField(NAME, 'later.img'),
        Buffer.alloc(0),
      ]
      await client.send(
        frameOf(...unknownFields.flatMap((unknown, at) => [unknown, known[at] as Buffer])),
      )
      expectImage(await cache.answer(client), bytes, 'F6')
    },
  },
  {
    id: 'cache-unknown-groups',
    clauses: ['F6'],
    role: 'cache',
    about:
      'Headers on the link and headers of reads have unknown groups around the known fields: one, ' +
      'and one that is nested 32 deep. The groups are skipped.',
    async run(cache) {
      const bytes = Buffer.from('beside a group')
      for (const depth of [1, 32]) {
        const name = `group-${depth}`
        const group = groupField(15, depth)
        const known = [textField(NAME, name), textField(SNAPSHOT_ID, '1')]
        const mode = [numberField(OPEN_MODE, O_WRONLY), numberField(SIZE, bytes.length)]
        await cache.link.send(Buffer.concat([frameOf(group, ...known, group, ...mode), bytes]))
        expectImage(await cache.read('1', name), bytes, 'F6', `an image beside ${depth} groups`)
        const client = await cache.connect()
        await client.send(frameOf(group, ...known, numberField(OPEN_MODE, O_RDONLY), group))
        expectImage(await cache.answer(client), bytes, 'F6', `a read beside ${depth} groups`)
      }
    },
  },
  {
    id: 'cache-deep-groups',
    clauses: ['F6'],
    role: 'cache',
    about:
      'Headers of reads, of at most 16 KiB, have groups that are nested 33 to 4000 deep. The cache ' +
      'may serve or refuse each of them, but it goes on serving.',
    async run(cache) {
      await cache.forward('1', 'a.img', Buffer.from('held'))
      const known = [textField(NAME, 'a.img'), textField(SNAPSHOT_ID, '1')]
      for (const depth of [33, 100, 1000, 4000]) {
        const client = await cache.connect()
        const fields = [...known, numberField(OPEN_MODE, O_RDONLY), groupField(15, depth)]
        await client.send(frameOf(...fields), `groups nested ${depth} deep`)
        await cache.stillServes('F6')
        client.reset()
      }
    },
  },
  {
    id: 'cache-open-modes-and-errors',
    clauses: ['F3', 'F4'],
    role: 'cache',
    about:
      'Images that came with mode 1 and mode 1024 are read with mode 0: error 0. After the link ' +
      'has closed, the read of a missing image gets error 2.',
    async run(cache) {
      const bytes = Buffer.from('opened for writing')
      for (const openMode of [O_WRONLY, O_APPEND]) {
        await cache.forward('1', `mode-${openMode}`, bytes, openMode)
        expectImage(await cache.read('1', `mode-${openMode}`), bytes, 'F4')
      }
      cache.closeLink()
      const answer = await cache.read('1', 'missing.img')
      demand(
        answer.error === ENOENT,
        'the error for a missing image',
        { outcome: 'error 2', clause: 'F4' },
        describe(answer),
      )
    },
  },
  {
    id: 'cache-image-sizes',
    clauses: ['F2', 'L3', 'W4'],
    role: 'cache',
    about:
      'Images of 0 and 1 byte, and of the sizes of common buffers, one byte less and one byte ' +
      'more, come one after the other. Each is served whole.',
    async run(cache) {
      const sizes = [
        0,
        1,
        ...[512, 4096, 8192, 65_536, 131_072, 262_144, MEGABYTE].flatMap((size) => [
          size - 1,
          size,
          size + 1,
        ]),
      ]
      for (const size of sizes) await cache.forward('1', `${size}.img`, someBytes(size, size))
      for (const size of sizes)
        expectImage(
          await cache.read('1', `${size}.img`),
          someBytes(size, size),
          'L3',
          `an image of ${size} bytes`,
        )
    },
  },
  {
    id: 'cache-image-of-20-mib',
    clauses: ['L3', 'C2', 'W4'],
    role: 'cache',
    about:
      'A client waits for an image of 20 MiB, and another reads it later. Both get every byte, ' +
      'and the next image is served.',
    async run(cache) {
      const bytes = someBytes(20 * MEGABYTE, cache.seed)
      const waiter = await cache.openRead('1', 'big.img')
      await cache.forward('1', 'big.img', bytes)
      expectImage(await cache.answer(waiter), bytes, 'C2')
      expectImage(await cache.read('1', 'big.img'), bytes, 'L3')
      await cache.stillServes('W4')
    },
  },
  {
    id: 'cache-image-over-4-gib',
    clauses: ['F5', 'W4', 'L3'],
    role: 'cache',
    optIn: true,
    about:
      'An image of 4 GiB and 5 bytes is forwarded to a waiting client, and then another image. ' +
      'Needs as much memory, and a longer --timeout.',
    async run(cache) {
      const block = someBytes(MEGABYTE, cache.seed)
      const size = 2 ** 32 + 5
      const hash = createHash('sha256')
      const waiter = await cache.openRead('1', 'huge.img')
      await cache.link.send(header({ snapshotId: '1', name: 'huge.img', openMode: O_WRONLY, size }))
      for (let sent = 0; sent < size; sent += block.length) {
        const piece = block.subarray(0, size - sent)
        hash.update(piece)
        await cache.link.send(piece)
      }
      const answer = await cache.answer(waiter)
      const whole = answer.error === 0 && answer.size === size && answer.hash === hash.digest('hex')
      demand(
        whole,
        'the image',
        { outcome: `error 0 and its ${size} bytes`, clause: 'F5' },
        describe(answer),
      )
      await cache.stillServes('W4')
    },
  },
  {
    id: 'cache-size-over-4-gib-is-not-cut',
    clauses: ['F5', 'W7', 'E4'],
    role: 'cache',
    about:
      'A header announces 4 GiB and 5 bytes. Five bytes follow, then bytes that would be another ' +
      'image if the size were cut to 32 bits, then the end of the link. Neither image exists.',
    async run(cache) {
      const announced = header({
        snapshotId: '1',
        name: PARTIAL,
        openMode: O_WRONLY,
        size: 2 ** 32 + 5,
      })
      const bytes = Buffer.concat([
        announced,
        Buffer.from('bytes'),
        imageOnLink('1', NEVER, Buffer.from('trap')),
      ])
      await linkIsLost(cache, { bytes, how: 'end', clause: 'F5' })
    },
  },
  {
    id: 'cache-size-of-64-bits',
    clauses: ['F5', 'W7', 'E4'],
    role: 'cache',
    about:
      'A header announces the largest size of 64 bits, a few bytes follow, then the end of the ' +
      'link. The migration fails without a crash, and no partial image is served.',
    async run(cache) {
      const announced = frameOf(
        textField(NAME, PARTIAL),
        textField(SNAPSHOT_ID, '1'),
        numberField(OPEN_MODE, O_WRONLY),
        numberField(SIZE, 2n ** 64n - 1n),
      )
      const bytes = Buffer.concat([announced, imageOnLink('1', NEVER, Buffer.from('trap'))])
      await linkIsLost(cache, { bytes, how: 'end', clause: 'F5' })
    },
  },
  {
    id: 'cache-names-are-opaque',
    clauses: ['F5', 'S1'],
    role: 'cache',
    about:
      'Names and snapshot ids look like paths, or hold NUL, line ends, formats, control names ' +
      'and letters of all alphabets. Each is an image of its own, and none becomes a file.',
    async run(cache) {
      const { directory } = cache.daemon
      const escaped = [`${directory}-escaped`, `../escaped-${basename(directory)}`]
      const odd = [
        ...escaped,
        '../../etc/x',
        '/',
        '.',
        '..',
        ' ',
        'a',
        'a/',
        'a\0b',
        'a\0c',
        'a\nb',
        '%s%n',
        '__proto__',
        'constructor',
        'parent',
        'Ж漢😀',
      ]
      // Composed and decomposed letters, and a byte order mark: names that look equal and differ.
      odd.push(
        'b',
        'a/../b',
        './b',
        'c//b',
        'c/b',
        '\u00e9',
        'e\u0301',
        '\ufeffa',
        'DUMP_FINISH',
        'RESTORE_FINISH',
      )
      const images = odd.flatMap((text) => [[text, 'x'] as const, ['1', text] as const])
      for (const [at, [snapshotId, name]] of images.entries())
        await cache.forward(snapshotId, name, Buffer.from(`image ${at}`))
      await servesAll(
        cache,
        images.map(([snapshotId, name], at) => ({
          snapshotId,
          name,
          bytes: Buffer.from(`image ${at}`),
        })),
        'F5',
      )
      const files = [escaped[0] as string, `/tmp/escaped-${basename(directory)}`].filter((path) =>
        existsSync(path),
      )
      demand(
        files.length === 0,
        'files named like images',
        { outcome: 'none outside of the directory of the cache', clause: 'F5' },
        files.join(', '),
      )
    },
  },
  {
    id: 'cache-names-of-4095-bytes',
    clauses: ['F5'],
    role: 'cache',
    about:
      'Names and ids of exactly 4095 bytes, with letters of one and of three bytes, some of ' +
      'which differ only in the last byte, are different images.',
    async run(cache) {
      const long = [
        `${'n'.repeat(NAME_LIMIT - 1)}1`,
        `${'n'.repeat(NAME_LIMIT - 1)}2`,
        '漢'.repeat(NAME_LIMIT / 3),
      ]
      const images = long.flatMap((snapshotId) => long.map((name) => ({ snapshotId, name })))
      for (const [at, { snapshotId, name }] of images.entries())
        await cache.forward(snapshotId, name, Buffer.from(`image ${at}`))
      for (const [at, { snapshotId, name }] of images.entries())
        await cache.serves(snapshotId, name, Buffer.from(`image ${at}`), 'F5')
    },
  },
]
