import {
  type Case,
  type Connection,
  demand,
  encodeFrame,
  expectForwarded,
  expectImage,
  expectMissing,
  expectRefused,
  localImage,
  O_RDONLY,
  O_WRONLY,
  type ProxyUnderTest,
  remoteImage,
  someBytes,
} from '../../harness/conformance/index.ts'
import { groupField } from '../model/message.ts'

/*
 * Cases for the proxy: headers at its UNIX socket, legal ones in every form and illegal ones (F).
 */

const bytes = Buffer.from('some bytes of an image')
const header = (name: string, openMode = O_WRONLY) =>
  localImage.encode({ snapshotId: '1', name, openMode })
const word = (value: number) => Buffer.from(Uint32Array.of(value).buffer)

/* Fields of messages by hand: the length of a text and the value of a number are below 128. */
const text = (field: number, value: string | Buffer) =>
  Buffer.concat([Buffer.from([(field << 3) | 2, Buffer.byteLength(value)]), Buffer.from(value)])
const number = (field: number, value: number) => Buffer.from([field << 3, value])
const frame = (...fields: Uint8Array[]) => encodeFrame(Buffer.concat(fields))

/** Sends a header and an image in these pieces, and demands that it is forwarded and served. */
async function takes(
  proxy: ProxyUnderTest,
  name: string,
  pieces: readonly Buffer[],
  clause: string,
  image: Buffer = bytes,
): Promise<void> {
  const client = await proxy.connect()
  await client.sendPieces(pieces, `write ${name}`)
  await client.end()
  const forwarded = await proxy.forwarded(name, undefined, clause)
  demand(
    forwarded.snapshotId === '1',
    `the forwarded image ${name}`,
    { outcome: 'its snapshot id, 1', clause },
    forwarded.snapshotId,
  )
  expectForwarded(forwarded, image, clause)
  expectImage(await proxy.read('1', name), image, clause)
}

/** Sends illegal bytes and ends this side. Demands a close without image bytes. */
async function refuses(proxy: ProxyUnderTest, sent: Buffer, what: string): Promise<void> {
  const client = await proxy.connect()
  await client.send(sent, what)
  await client.end()
  await ended(proxy, client, what)
}

/** Demands the end of a connection without image bytes. */
async function ended(proxy: ProxyUnderTest, client: Connection, what: string): Promise<void> {
  const permitted = { outcome: 'the end of that connection', clause: 'F6' }
  const answer = await proxy.answer(client, `the end of a connection with ${what}`, permitted)
  expectRefused(answer, 'F6', `the answer to ${what}`)
}

/**
 * Demands after refusals that the proxy still serves, and that no refused bytes became an image.
 */
async function noneTaken(proxy: ProxyUnderTest): Promise<void> {
  await proxy.stillServes('F6')
  const taken = proxy.fakeCache.images.find(({ snapshotId }) => snapshotId !== 'probe')
  demand(
    taken === undefined,
    'the forwarded images',
    { outcome: 'none of those that must be refused', clause: 'F6' },
    `${taken?.name}`,
  )
}

export const cases: readonly Case[] = [
  {
    id: 'proxy-header-byte-by-byte',
    clauses: ['F1', 'F2'],
    role: 'proxy',
    about:
      'The header of a write, its image, and the header of a read come one byte at a time. The ' +
      'image is forwarded and read.',
    async run(proxy) {
      const sent = Buffer.concat([header('a.img'), bytes])
      await takes(
        proxy,
        'a.img',
        Array.from(sent, (byte) => Buffer.from([byte])),
        'F2',
      )
      const reader = await proxy.connect()
      await reader.sendPieces(Array.from(header('a.img', O_RDONLY), (byte) => Buffer.from([byte])))
      expectImage(await proxy.answer(reader), bytes, 'F2')
    },
  },
  {
    id: 'proxy-header-with-data',
    clauses: ['F2', 'F1'],
    role: 'proxy',
    about:
      'Header and image are sent in one piece, a short image and a long one. The bytes after the ' +
      'header are the beginning of the image.',
    async run(proxy) {
      await takes(proxy, 'short.img', [Buffer.concat([header('short.img'), bytes])], 'F2')
      const long = someBytes(300_000, proxy.seed)
      await takes(proxy, 'long.img', [Buffer.concat([header('long.img'), long])], 'F2', long)
    },
  },
  {
    id: 'proxy-header-cut-anywhere',
    clauses: ['F1', 'F2'],
    role: 'proxy',
    about:
      'The header is cut in two at each of its bytes (in the length, in a tag, in a varint, ' +
      'before the last byte), directly followed by the image. Each image is taken.',
    async run(proxy) {
      const cuts = header('cut-00').length
      for (let cut = 1; cut <= cuts; cut++) {
        const name = `cut-${String(cut).padStart(2, '0')}`
        const sent = Buffer.concat([header(name), bytes])
        await takes(proxy, name, [sent.subarray(0, cut), sent.subarray(cut)], 'F2')
      }
    },
  },
  {
    id: 'proxy-length-is-little-endian',
    clauses: ['F1'],
    role: 'proxy',
    about:
      'Headers of about 1, 2 and 3 times 256 bytes, whose length differs most if it is read in ' +
      'the wrong order, are taken. The reply is a frame of the same kind.',
    async run(proxy) {
      for (const size of [256, 515, 768]) {
        const name = 'n'.repeat(size - header('').length + 4 - 1)
        demand(
          header(name).readUInt32LE(0) === size,
          'the harness',
          { outcome: `a header of ${size}`, clause: 'F1' },
          name,
        )
        await takes(proxy, name, [header(name), bytes], 'F1')
      }
      const reader = await proxy.openRead('1', 'never')
      await proxy.answer(reader)
      const { received } = reader
      const holds = received.length > 4 && received.readUInt32LE(0) === received.length - 4
      demand(
        holds,
        'a reply',
        { outcome: 'a little-endian length, and that many bytes', clause: 'F1' },
        received.toString('hex'),
      )
    },
  },
  {
    id: 'proxy-image-that-looks-like-frames',
    clauses: ['F2', 'W4'],
    role: 'proxy',
    about:
      'An image that consists of headers of all kinds is only bytes. It is forwarded and read ' +
      'back unchanged.',
    async run(proxy) {
      const inner = Buffer.concat([
        header('inner.img'),
        bytes,
        header('outer.img', O_RDONLY),
        remoteImage.encode({ snapshotId: '1', name: 'inner.img', openMode: 1, size: 3 }),
      ])
      await takes(
        proxy,
        'outer.img',
        [header('outer.img'), inner, inner],
        'F2',
        Buffer.concat([inner, inner]),
      )
      expectMissing(await proxy.read('1', 'inner.img'), 'F2')
    },
  },
  {
    id: 'proxy-unknown-fields',
    clauses: ['F6', 'F3'],
    role: 'proxy',
    about:
      'Headers have unknown fields of every wire type but groups (varint, 64 bits, bytes, 32 bits; ' +
      'low and high numbers) before, between and after the known ones. The unknown fields are ' +
      'skipped.',
    async run(proxy) {
      const unknown = [
        '2005',
        '298807060504030201',
        '32036869ff',
        '3d01020304',
        'f8ffffff0f01',
        '82010161',
      ].map((hex) => Buffer.from(hex, 'hex'))
      for (const [index, field] of [...unknown, Buffer.concat(unknown)].entries()) {
        const name = `unknown-${index}`
        await takes(
          proxy,
          name,
          [
            frame(field, text(1, name), field, text(2, '1'), field, number(3, O_WRONLY), field),
            bytes,
          ],
          'F6',
        )
      }
    },
  },
  {
    id: 'proxy-unknown-groups',
    clauses: ['F6'],
    role: 'proxy',
    about:
      'Headers have unknown groups before and after the known fields: one, and one that is nested ' +
      '32 deep. The groups are skipped.',
    async run(proxy) {
      for (const depth of [1, 32]) {
        const name = `group-${depth}`
        const group = groupField(9, depth)
        const fields = [group, text(1, name), text(2, '1'), number(3, O_WRONLY), group]
        await takes(proxy, name, [frame(...fields), bytes], 'F6')
      }
    },
  },
  {
    id: 'proxy-deep-groups',
    clauses: ['F6'],
    role: 'proxy',
    about:
      'Headers of at most 16 KiB have groups that are nested 33 to 4000 deep. The proxy may take or ' +
      'refuse each of them, but it goes on serving.',
    async run(proxy) {
      for (const depth of [33, 100, 1000, 4000]) {
        const client = await proxy.connect()
        const fields = [text(1, 'x'), text(2, '1'), number(3, O_WRONLY), groupField(9, depth)]
        await client.send(Buffer.concat([frame(...fields), bytes]), `groups nested ${depth} deep`)
        await client.end()
        await proxy.stillServes('F6')
      }
    },
  },
  {
    id: 'proxy-fields-in-any-order',
    clauses: ['F1', 'F3'],
    role: 'proxy',
    about: 'The fields of a header come in any order, and the image is taken.',
    async run(proxy) {
      const orders = ['132', '213', '231', '312', '321']
      for (const order of orders) {
        const name = `order-${order}`
        const fields = [text(1, name), text(2, '1'), number(3, O_WRONLY)]
        await takes(
          proxy,
          name,
          [frame(...[...order].map((field) => fields[Number(field) - 1] ?? bytes)), bytes],
          'F1',
        )
      }
    },
  },
  {
    id: 'proxy-field-given-twice',
    clauses: ['F1', 'F3'],
    role: 'proxy',
    about:
      'A field that occurs more than once has its last value, and a number may be encoded in ' +
      "more bytes than it needs: both are protobuf's rules.",
    async run(proxy) {
      const twice = frame(
        number(3, O_RDONLY),
        text(2, '2'),
        text(1, 'first'),
        text(1, 'last'),
        text(2, '1'),
        number(3, O_WRONLY),
      )
      await takes(proxy, 'last', [twice, bytes], 'F1')
      const long = frame(text(1, 'long'), text(2, '1'), Buffer.from('1881808000', 'hex'))
      await takes(proxy, 'long', [long, bytes], 'F1')
      expectMissing(await proxy.read('1', 'first'), 'F1')
    },
  },
  {
    id: 'proxy-header-lacks-a-field',
    clauses: ['F6', 'F3'],
    role: 'proxy',
    about:
      'Headers that lack one field or all fields, with image bytes after them, each end their ' +
      'own connection. No image is stored.',
    async run(proxy) {
      const fields = [text(1, 'x'), text(2, '1'), number(3, O_WRONLY)]
      for (const missing of fields.keys()) {
        const sent = Buffer.concat([
          frame(...fields.filter((_, index) => index !== missing)),
          bytes,
        ])
        await refuses(proxy, sent, `a header without field ${missing + 1}`)
      }
      await refuses(proxy, Buffer.concat([frame(), bytes]), 'a frame of length 0')
      await noneTaken(proxy)
    },
  },
  {
    id: 'proxy-oversized-frame',
    clauses: ['F6', 'L2'],
    role: 'proxy',
    about:
      'A length of 4 GiB less one comes with a few bytes and no end: the proxy ends the connection ' +
      'and does not wait for the rest. With a length of 1 or 2 GiB, which may be below its limit, ' +
      'the client ends its side.',
    async run(proxy) {
      const begun = (length: number) => Buffer.concat([word(length), header('x').subarray(4)])
      for (const length of [2 ** 30, 2 ** 31])
        await refuses(proxy, begun(length), `a frame of ${length} bytes`)
      const client = await proxy.connect()
      await client.send(begun(2 ** 32 - 1), 'a frame of 4 GiB')
      await ended(proxy, client, 'a frame of 4 GiB')
      await noneTaken(proxy)
    },
  },
  {
    id: 'proxy-truncated-frame',
    clauses: ['F6', 'L2'],
    role: 'proxy',
    about:
      'A client ends its side inside its header, once after every byte. The connection is closed, ' +
      'and the proxy goes on serving.',
    async run(proxy) {
      const whole = header('x')
      for (let length = 1; length < whole.length; length++)
        await refuses(proxy, whole.subarray(0, length), `${length} bytes of a header`)
      await noneTaken(proxy)
    },
  },
  {
    id: 'proxy-invalid-utf8',
    clauses: ['F6'],
    role: 'proxy',
    about:
      'Names and snapshot ids that are not UTF-8 (a lone byte, a surrogate, an overlong slash, a ' +
      'cut-off character) are refused.',
    async run(proxy) {
      for (const hex of ['ff', '61806b', 'eda080', 'c0af', 'f09f98']) {
        const invalid = Buffer.from(hex, 'hex')
        const mode = number(3, O_WRONLY)
        await refuses(
          proxy,
          Buffer.concat([frame(text(1, invalid), text(2, '1'), mode), bytes]),
          `a name of bytes ${hex}`,
        )
        await refuses(
          proxy,
          Buffer.concat([frame(text(1, 'x'), text(2, invalid), mode), bytes]),
          `a snapshot id of bytes ${hex}`,
        )
      }
      await noneTaken(proxy)
    },
  },
  {
    id: 'proxy-malformed-message',
    clauses: ['F6'],
    role: 'proxy',
    about:
      'Frames whose content is no protobuf are refused: wire types that do not exist, a text ' +
      'longer than its frame, a varint without an end, a group that is never closed.',
    async run(proxy) {
      const start = Buffer.concat([text(1, 'x'), text(2, '1'), number(3, O_WRONLY)])
      for (const hex of ['26', '27', '320961', '20ff', '4b0801', '08', '3d0102'])
        await refuses(
          proxy,
          frame(start, Buffer.from(hex, 'hex')),
          `a message that ends with ${hex}`,
        )
      await noneTaken(proxy)
    },
  },
  {
    id: 'proxy-garbage',
    clauses: ['F6', 'L2'],
    role: 'proxy',
    about:
      'Clients send bytes that are no header at all: zeros, ones, an HTTP request, pseudo-random ' +
      'bytes. Each loses only its own connection.',
    async run(proxy) {
      await refuses(proxy, Buffer.alloc(65_536), 'zeros')
      await refuses(proxy, Buffer.alloc(65_536, 0xff), 'ones')
      await refuses(proxy, Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n'), 'an HTTP request')
      for (let round = 0; round < 20; round++)
        await refuses(proxy, someBytes(1 + round * 37, proxy.seed + round), 'pseudo-random bytes')
      await noneTaken(proxy)
    },
  },
  {
    id: 'proxy-logs-refusals',
    clauses: ['F7'],
    level: 'should',
    role: 'proxy',
    about:
      'Twenty connections are ended because of their bytes. By its exit the proxy has written at ' +
      'least twenty lines to standard error or a log file.',
    async run(proxy) {
      for (let round = 0; round < 20; round++)
        await refuses(proxy, Buffer.concat([word(2 ** 30), bytes]), 'a frame of 1 GiB')
      await proxy.finish()
      const lines = await proxy.logged()
      demand(
        lines >= 20,
        'its log',
        { outcome: 'a line for each of 20 connections', clause: 'F7' },
        `${lines} lines`,
      )
    },
  },
]
