import { access } from 'node:fs/promises'
import {
  type Case,
  demand,
  expectForwarded,
  expectImage,
  expectMissing,
  expectRefused,
  LIST,
  localImage,
  NAME_LIMIT,
  names2017,
  names2019,
  O_WRONLY,
  type ProxyUnderTest,
  show,
  snapshotEntry,
} from '../../harness/conformance/index.ts'

/* Cases for the proxy: snapshots (S), names and ids (F5), and the control names (D1). */

type Identity = readonly [snapshotId: string, name: string]

/** Stores a different image under each identity, then reads each of them. */
async function keepsApart(
  proxy: ProxyUnderTest,
  identities: readonly Identity[],
  clause: string,
): Promise<void> {
  const bytes = (index: number) => Buffer.from(`image number ${index}`)
  for (const [index, [snapshotId, name]] of identities.entries()) {
    await proxy.write(snapshotId, name, bytes(index))
    const forwarded = await proxy.forwarded(
      name,
      (image) => image.snapshotId === snapshotId,
      clause,
    )
    expectForwarded(forwarded, bytes(index), clause)
  }
  for (const [index, [snapshotId, name]] of identities.entries())
    expectImage(
      await proxy.read(snapshotId, name),
      bytes(index),
      clause,
      `a read of ${show(snapshotId, name)}`,
    )
}

/** Pushes the ids one after the other, and demands that the list has each of them in turn. */
async function pushes(
  proxy: ProxyUnderTest,
  ids: readonly string[],
  nullId = proxy.names.nullId,
): Promise<void> {
  let list = Buffer.alloc(0)
  for (const id of ids) {
    const entry = snapshotEntry.encode(id)
    await proxy.append(nullId, LIST, entry)
    list = Buffer.concat([list, entry])
    const answer = await proxy.untilReadable(
      nullId,
      LIST,
      ({ error, size }) => error === 0 && size >= list.length,
      'S2',
    )
    expectImage(answer, list, 'S2', 'the list of snapshots')
  }
}

const bytes = Buffer.from('some bytes')
const long = (length: number) =>
  `${'x'.repeat(length % 3)}${'\u20ac'.repeat(Math.floor(length / 3))}`

export const cases: readonly Case[] = [
  {
    id: 'proxy-one-name-in-two-snapshots',
    clauses: ['S1'],
    role: 'proxy',
    about:
      'One name under three ids, two of which begin like the third, is three images, each with ' +
      'its bytes. Under a fourth id it is missing.',
    async run(proxy) {
      await keepsApart(
        proxy,
        ['/dumps/1', '/dumps/10', '/dumps/1/'].map((id) => [id, 'core-1.img'] as const),
        'S1',
      )
      expectMissing(await proxy.read('/dumps/2', 'core-1.img'), 'S1')
      expectMissing(await proxy.read('/dumps/1', 'core-10.img'), 'S1')
    },
  },
  {
    id: 'proxy-identities-that-read-alike',
    clauses: ['S1', 'F5'],
    role: 'proxy',
    about:
      'Pairs of id and name are equal if they are joined by nothing, a slash, a colon or a NUL, ' +
      'or if letters are folded. All of them are different images.',
    async run(proxy) {
      const joined = ['', '/', ':', '\0'].flatMap((by): Identity[] => [
        [`a${by}b`, `c${by}1`],
        ['a', `b${by}c${by}1`],
        [`a${by}b${by}c`, '1'],
      ])
      const alike: Identity[] = [
        ['A', 'bc1'],
        ['a', 'b\u0065\u0301'],
        ['a', 'b\u00e9'],
        ['bc1', 'a'],
      ]
      await keepsApart(
        proxy,
        [...new Map([...joined, ...alike].map((pair) => [JSON.stringify(pair), pair])).values()],
        'S1',
      )
    },
  },
  {
    id: 'proxy-rewrite-in-one-snapshot-only',
    clauses: ['S1', 'L5'],
    role: 'proxy',
    about:
      'An image is written again under one of two snapshot ids. The image of the other snapshot ' +
      'stays unchanged.',
    async run(proxy) {
      await proxy.store('1', 'a.img', Buffer.from('of the first'))
      await proxy.store('2', 'a.img', Buffer.from('of the second'))
      await proxy.store('1', 'a.img', bytes)
      expectImage(await proxy.read('1', 'a.img'), bytes, 'S1')
      expectImage(await proxy.read('2', 'a.img'), Buffer.from('of the second'), 'S1')
    },
  },
  {
    id: 'proxy-list-of-snapshots',
    clauses: ['S2', 'S3', 'L6'],
    needs: ['append'],
    role: 'proxy',
    about:
      'Before the first dump the list is missing. Each of three dumps appends its id and reads ' +
      'all ids so far, as frames in order.',
    async run(proxy) {
      expectMissing(
        await proxy.read(proxy.names.nullId, LIST),
        'P1',
        'the list before the first dump',
      )
      await pushes(proxy, ['/dumps/1', '/dumps/2', '/dumps/3'])
      await proxy.stillServes('S3')
    },
  },
  {
    id: 'proxy-long-list-of-snapshots',
    clauses: ['S2', 'S3'],
    needs: ['append'],
    role: 'proxy',
    about:
      'Thirty dumps push their ids: long, short, equal and unordered ones. The list has all of ' +
      'them, in the order of the pushes.',
    async run(proxy) {
      await pushes(
        proxy,
        Array.from(
          { length: 30 },
          (_, index) => `/d/${'long/'.repeat((index * 7) % 40)}${index % 5}`,
        ),
      )
    },
  },
  {
    id: 'proxy-list-is-forwarded',
    clauses: ['S2', 'W5'],
    needs: ['append'],
    role: 'proxy',
    about:
      'The list is an image like any other. The entries of two dumps are forwarded as `parent` ' +
      'of the null snapshot, between the images of the dumps.',
    async run(proxy) {
      const { nullId } = proxy.names
      for (const id of ['1', '2']) {
        await proxy.push(id)
        const all = (id === '1' ? ['1'] : ['1', '2']).map((each) => snapshotEntry.encode(each))
        const size = Buffer.concat(all).length
        const list = await proxy.forwarded(
          LIST,
          (image) => image.snapshotId === nullId && image.size === size,
          'S2',
        )
        demand(
          list.bytes.subarray(-7).equals(snapshotEntry.encode(id)),
          'the forwarded list',
          { outcome: `snapshot ${id} at its end`, clause: 'S2' },
          list.bytes.toString('hex'),
        )
        await proxy.store(id, 'core-1.img', Buffer.from(`of snapshot ${id}`))
      }
    },
  },
  {
    id: 'proxy-control-names-under-an-id',
    clauses: ['D1', 'S1', 'E3'],
    role: 'proxy',
    about:
      'Images with the names of the list and of the finish requests, under an ordinary snapshot ' +
      'id, are ordinary images. The proxy goes on.',
    async run(proxy) {
      const names = [LIST, names2017.dumpFinish, names2017.restoreFinish, '', 'null']
      await keepsApart(
        proxy,
        names.map((name) => ['/dumps/1', name] as const),
        'D1',
      )
      await proxy.stillServes('E3')
    },
  },
  {
    id: 'proxy-list-in-either-dialect',
    clauses: ['D1', 'S2'],
    dialects: ['auto'],
    needs: ['append'],
    role: 'proxy',
    about:
      'A proxy that takes all dialects keeps the list under the null snapshot id of 2019, the ' +
      'empty text, as well as under that of 2017.',
    async run(proxy) {
      await pushes(proxy, ['1', '2'], names2019.nullId)
      await proxy.stillServes('D1')
    },
  },
  {
    id: 'proxy-other-dialects-names-are-images',
    clauses: ['D1'],
    dialects: ['criu-2017', 'criu-2019'],
    role: 'proxy',
    about:
      'In the dialect of 2017 or 2019 the finish request of the other one is an ordinary image: ' +
      'it is stored, forwarded and served, and ends nothing.',
    async run(proxy) {
      const others = proxy.dialect === 'criu-2017' ? names2019 : names2017
      await keepsApart(proxy, [[others.nullId, others.dumpFinish]], 'D1')
      await proxy.stillServes('D1')
    },
  },
  {
    id: 'proxy-names-that-are-no-paths',
    clauses: ['F5'],
    role: 'proxy',
    about:
      'Names and ids with slashes, dots, NUL, line feeds, spaces, no letters, and letters of ' +
      'many alphabets are kept unchanged.',
    async run(proxy) {
      const odd = [
        'a/b',
        '.',
        '..',
        '../..',
        '/',
        '/etc/passwd',
        'a\0b',
        '\0',
        'a\nb',
        ' ',
        ' a',
        '%s%n',
        '"\'\\',
        '\u00e4\u20ac\u{1f600}',
        '\ufeffa',
        '~',
        '-',
      ]
      await keepsApart(
        proxy,
        [
          ...odd.map((name): Identity => ['1', name]),
          ...odd.map((id): Identity => [id, 'a.img']),
          ['1', ''],
        ],
        'F5',
      )
    },
  },
  {
    id: 'proxy-names-write-no-files',
    clauses: ['F5'],
    role: 'proxy',
    about:
      'Images are written whose names and ids would be files elsewhere if they were used as ' +
      'paths. No such file is created.',
    async run(proxy) {
      const { directory } = proxy.daemon
      const file = `/tmp/criu-remote-escaped-${process.pid}-${proxy.seed}`
      const up = `../${file.split('/').at(-1)}`
      await keepsApart(
        proxy,
        [
          ['1', file],
          [directory, up],
          [`${directory}/x`, `../${up}`],
          ['/tmp', file.slice(5)],
        ],
        'F5',
      )
      const made = await access(file).then(
        () => true,
        () => false,
      )
      demand(!made, file, { outcome: 'no such file', clause: 'F5' }, 'a file')
    },
  },
  {
    id: 'proxy-longest-names',
    clauses: ['F5', 'S1'],
    role: 'proxy',
    about:
      'Names and ids of 4,095 bytes, the largest size, with characters of one and of three ' +
      'bytes, are kept. Two of them differ in the last byte only.',
    async run(proxy) {
      const longest = 'a'.repeat(NAME_LIMIT)
      await keepsApart(
        proxy,
        [
          [longest, longest],
          [longest, `${longest.slice(1)}b`],
          [long(NAME_LIMIT), long(NAME_LIMIT)],
        ],
        'F5',
      )
    },
  },
  {
    id: 'proxy-names-too-long',
    clauses: ['F5', 'F6'],
    role: 'proxy',
    about:
      'A name or an id of 4,096 bytes is refused, whatever the number of its characters. No ' +
      'image is stored or forwarded.',
    async run(proxy) {
      for (const [what, bytesOf] of Object.entries({
        letters: (size: number) => 'a'.repeat(size),
        signs: long,
      })) {
        for (const number of [1, 2]) {
          const client = await proxy.connect()
          await client.send(
            Buffer.concat([twoTexts(number, bytesOf(NAME_LIMIT + 1)), bytes]),
            `4096 bytes of ${what} in field ${number}`,
          )
          await client.end()
          expectRefused(
            await proxy.answer(client),
            'F5',
            `the answer to 4096 bytes of ${what} in field ${number}`,
          )
        }
      }
      await proxy.stillServes('F6')
      const { length } = proxy.fakeCache.images
      demand(
        length === 1,
        'the forwarded images',
        { outcome: 'none of those that must be refused', clause: 'F5' },
        `${length - 1} images more`,
      )
    },
  },
]

/** Returns the header of a write with this text in field 1 or 2; the codec refuses to make it. */
function twoTexts(number: number, text: string): Buffer {
  const short = localImage.encode({ name: 'x', snapshotId: 'x', openMode: O_WRONLY })
  const at = number === 1 ? 4 : 7
  const size = Buffer.byteLength(text)
  const field = Buffer.concat([
    short.subarray(at, at + 1),
    Buffer.from([(size & 0x7f) | 0x80, size >> 7]),
    Buffer.from(text),
  ])
  const message = Buffer.concat([short.subarray(4, at), field, short.subarray(at + 3)])
  return Buffer.concat([Buffer.from(Uint32Array.of(message.length).buffer), message])
}
