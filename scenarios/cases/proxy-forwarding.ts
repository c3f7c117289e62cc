import { createHash } from 'node:crypto'
import {
  type Case,
  type Connection,
  demand,
  expectForwarded,
  expectMissing,
  messageFields,
  O_APPEND,
  O_RDONLY,
  O_WRONLY,
  type ProxyUnderTest,
  someBytes,
} from '../../harness/conformance/index.ts'

/* Cases for the proxy: forwarding (W). The forwarding of appends (D2) is in proxy-local.ts. */

const first = Buffer.from('the first bytes')
const second = Buffer.from('bytes that come later')

/**
 * Demands that each image was forwarded once, with these bytes. A later image is forwarded first,
 * so a repeated one would have come.
 */
async function eachOnce(proxy: ProxyUnderTest, images: ReadonlyMap<string, Buffer>): Promise<void> {
  for (const [name, bytes] of images) expectForwarded(await proxy.forwarded(name), bytes, 'W4')
  await proxy.stillServes('W5')
  for (const name of images.keys()) {
    const times = proxy.fakeCache.images.filter((image) => image.name === name).length
    demand(
      times === 1,
      `the forwarding of ${name}`,
      { outcome: 'one header and its bytes', clause: 'W4' },
      `${times} times`,
    )
  }
  oneConnection(proxy)
}

/** Demands that the proxy has connected once, and that the link is open. */
function oneConnection({ fakeCache }: ProxyUnderTest): void {
  demand(
    fakeCache.connections === 1,
    'the number of links',
    { outcome: '1', clause: 'W1' },
    String(fakeCache.connections),
  )
  demand(
    fakeCache.ended === undefined,
    'the link',
    { outcome: 'open', clause: 'W6' },
    String(fakeCache.ended),
  )
}

/** Writes, forwards and reads an image of gigabytes, which the harness never holds as a whole. */
async function huge(proxy: ProxyUnderTest, size: number): Promise<void> {
  const block = someBytes(4 * 1024 * 1024, proxy.seed)
  const hash = createHash('sha256')
  const writer = await proxy.openWrite('1', 'huge.img')
  for (let left = size; left > 0; left -= block.length) {
    const piece = block.subarray(0, left)
    hash.update(piece)
    await writer.send(piece)
  }
  await writer.end()
  const expected = hash.digest('hex')
  const forwarded = await proxy.forwarded('huge.img')
  const answer = await proxy.read('1', 'huge.img')
  for (const got of [forwarded, answer])
    demand(
      got.size === size && got.hash === expected,
      'a huge image',
      { outcome: `its ${size} bytes`, clause: 'F5' },
      `${got.size} bytes`,
    )
}

export const cases: readonly Case[] = [
  {
    id: 'proxy-forwards-an-image',
    clauses: ['W1', 'W4', 'W5', 'F3'],
    role: 'proxy',
    about:
      'Two images that are written one after the other arrive at the cache, on one connection: for ' +
      'each a header with its id, name and size, then its bytes.',
    async run(proxy) {
      await proxy.write('/dumps/1', 'core-1.img', first)
      const image = await proxy.forwarded('core-1.img')
      expectForwarded(image, first, 'W4')
      demand(
        image.snapshotId === '/dumps/1',
        'the snapshot id',
        { outcome: '/dumps/1', clause: 'W4' },
        image.snapshotId,
      )
      await proxy.write('/dumps/1', 'pages-1.img', second)
      expectForwarded(await proxy.forwarded('pages-1.img'), second, 'W4')
    },
  },
  {
    id: 'proxy-forwarding-header-is-complete',
    clauses: ['F3', 'D2', 'F1'],
    role: 'proxy',
    about:
      'The header of a forwarded image, decoded by hand, has all four fields in their types, and ' +
      'an open mode that is no read. This holds for an empty image as well.',
    async run(proxy) {
      for (const [index, bytes] of [
        first,
        Buffer.alloc(0),
        someBytes(70_000, proxy.seed),
      ].entries()) {
        const { payload } = await proxy.store('1', `${index}.img`, bytes)
        const found = messageFields(payload)
        const wires = [1, 2, 3, 4].map(
          (number) => found.findLast(({ field }) => field === number)?.wire,
        )
        demand(
          String(wires) === '2,2,0,0',
          'a forwarding header',
          { outcome: 'fields 1 to 4', clause: 'F3' },
          payload.toString('hex'),
        )
        const mode = Number(found.findLast(({ field }) => field === 3)?.value)
        demand(
          (mode & 3) !== O_RDONLY || (mode & O_APPEND) !== 0,
          'the open mode',
          { outcome: 'that of a write or append', clause: 'D2' },
          `${mode}`,
        )
      }
    },
  },
  {
    id: 'proxy-forwards-complete-images-only',
    clauses: ['W3', 'W4'],
    role: 'proxy',
    about:
      'Three writers have sent images but not ended them, while another image is stored and ' +
      'forwarded. Theirs are forwarded only after they end, whole.',
    async run(proxy) {
      const bytes = someBytes(1_000_000, proxy.seed)
      const names = ['a.img', 'b.img', 'c.img']
      const writers = await Promise.all(names.map((name) => proxy.openWrite('1', name)))
      await Promise.all(writers.map((writer) => writer.send(bytes)))
      await proxy.store('1', 'other.img', first)
      const early = proxy.fakeCache.images.filter(({ name }) => name !== 'other.img')
      demand(
        early.length === 0,
        'images that were forwarded before their end',
        { outcome: 'none', clause: 'W3' },
        String(early.map(({ name }) => name)),
      )
      await Promise.all(writers.map((writer) => writer.end()))
      await eachOnce(proxy, new Map(names.map((name) => [name, bytes])))
    },
  },
  {
    id: 'proxy-forwards-nothing-of-an-opened-write',
    clauses: ['W3', 'P1'],
    role: 'proxy',
    about: 'A writer has sent only its header. Until it ends, no empty image is forwarded or read.',
    async run(proxy) {
      const writer = await proxy.openWrite('1', 'a.img')
      await proxy.store('1', 'other.img', first)
      expectMissing(await proxy.read('1', 'a.img'), 'P1')
      demand(
        proxy.fakeCache.images.length === 1,
        'the forwarded images',
        { outcome: 'only the other image', clause: 'W3' },
        'one without its bytes',
      )
      await writer.send(second)
      await writer.end()
      await eachOnce(proxy, new Map([['a.img', second]]))
    },
  },
  {
    id: 'proxy-forwards-in-order-of-completion',
    clauses: ['W5', 'W3'],
    role: 'proxy',
    about:
      'Ten writers open in one order and end in another, each after the image before has been ' +
      'forwarded. Each image is forwarded when it is complete.',
    async run(proxy) {
      const writers = new Map<string, Connection>()
      for (let index = 0; index < 10; index++)
        writers.set(`image-${index}`, await proxy.openWrite('1', `image-${index}`))
      for (const [name, writer] of writers) await writer.send(Buffer.from(name))
      for (const index of [7, 2, 9, 0, 1, 5, 8, 3, 6, 4]) {
        await writers.get(`image-${index}`)?.end()
        expectForwarded(
          await proxy.forwarded(`image-${index}`),
          Buffer.from(`image-${index}`),
          'W5',
        )
      }
      await eachOnce(proxy, new Map([...writers.keys()].map((name) => [name, Buffer.from(name)])))
    },
  },
  {
    id: 'proxy-forwards-a-queue-in-order',
    clauses: ['W5', 'W4'],
    role: 'proxy',
    about:
      'While the cache does not read, images of very different sizes are completed, each after ' +
      'the one before can be read. They are forwarded in that order.',
    async run(proxy) {
      await proxy.stallLink()
      const sizes = [150_000, 0, 1, 70_000, 3, 4096, 100_000, 2]
      const images = new Map(
        sizes.map((size, index) => [`${index}.img`, someBytes(size, proxy.seed + index)]),
      )
      for (const [name, bytes] of images) {
        await proxy.write('1', name, bytes)
        await proxy.untilReadable('1', name)
      }
      proxy.fakeCache.resume()
      await eachOnce(proxy, images)
      const order = proxy.fakeCache.images
        .map(({ name }) => name)
        .filter((name) => images.has(name))
      demand(
        String(order) === String([...images.keys()]),
        'the order of forwarding',
        { outcome: 'the order of completion', clause: 'W5' },
        String(order),
      )
    },
  },
  {
    id: 'proxy-forwards-batches-in-order',
    clauses: ['W5', 'L2'],
    role: 'proxy',
    about:
      'Two batches of seven images are written, each at once, the second after the first can ' +
      'be read. No image of the second is forwarded before one of the first.',
    async run(proxy) {
      await proxy.stallLink()
      const batch = async (letter: string) => {
        const names = Array.from({ length: 7 }, (_, index) => `${letter}-${index}`)
        await Promise.all(
          names.map((name, index) =>
            proxy.write('1', name, someBytes(index * 2000, proxy.seed + index)),
          ),
        )
        await Promise.all(names.map((name) => proxy.untilReadable('1', name)))
      }
      await batch('x')
      await batch('y')
      proxy.fakeCache.resume()
      await proxy.stillServes('W5')
      const order = proxy.fakeCache.images
        .map(({ name }) => name.charAt(0))
        .filter((letter) => letter === 'x' || letter === 'y')
      const expected = 'x'.repeat(7) + 'y'.repeat(7)
      demand(
        order.join('') === expected,
        'the order of batches',
        { outcome: expected, clause: 'W5' },
        order.join(''),
      )
    },
  },
  {
    id: 'proxy-forwards-a-burst-once',
    clauses: ['W4', 'W5', 'W1'],
    role: 'proxy',
    about:
      'Eighty clients write images of 0 to 60 KB at once and end together. Each image arrives ' +
      'once and whole, not mixed with others, on one link.',
    async run(proxy) {
      const images = new Map(
        Array.from({ length: 80 }, (_, index) => [
          `${index}.img`,
          someBytes((index * 37_123) % 60_000, proxy.seed + index),
        ]),
      )
      await Promise.all([...images].map(([name, bytes]) => proxy.write('1', name, bytes)))
      await eachOnce(proxy, images)
    },
  },
  {
    id: 'proxy-forwards-large-and-small',
    clauses: ['W4', 'W5'],
    role: 'proxy',
    about:
      'An image of 20 MiB is completed, and directly after it twenty small ones. All of them are ' +
      'forwarded whole.',
    async run(proxy) {
      const large = someBytes(20 * 1024 * 1024, proxy.seed)
      const images = new Map(
        Array.from({ length: 20 }, (_, index) => [
          `${index}.img`,
          Buffer.alloc(index * 100, index),
        ]),
      )
      await proxy.write('1', 'large.img', large)
      await Promise.all([...images].map(([name, bytes]) => proxy.write('1', name, bytes)))
      expectForwarded(await proxy.forwarded('large.img'), large, 'W4')
      await eachOnce(proxy, images)
    },
  },
  {
    id: 'proxy-forwards-many-small-images',
    clauses: ['W1', 'W2', 'W5'],
    role: 'proxy',
    about:
      'Two hundred images are written, ten at a time, and the cache never sends a byte. All of ' +
      'them arrive on one link.',
    async run(proxy) {
      const images = new Map(
        Array.from({ length: 200 }, (_, index) => [
          `${index}.img`,
          Buffer.alloc(index % 50, index),
        ]),
      )
      const all = [...images]
      for (let at = 0; at < all.length; at += 10)
        await Promise.all(
          all.slice(at, at + 10).map(([name, bytes]) => proxy.write('1', name, bytes)),
        )
      await eachOnce(proxy, images)
    },
  },
  {
    id: 'proxy-connection-outlives-idleness',
    clauses: ['W1', 'W6'],
    role: 'proxy',
    about: 'Between images, and while clients only read, the link stays open and the same.',
    async run(proxy) {
      for (let round = 0; round < 5; round++) {
        await proxy.store('1', `${round}.img`, first)
        for (const name of [`${round}.img`, 'never.img']) await proxy.read('1', name)
        oneConnection(proxy)
      }
      await proxy.stillServes('W6')
      oneConnection(proxy)
    },
  },
  {
    id: 'proxy-forwards-each-version',
    clauses: ['W5', 'L5'],
    role: 'proxy',
    about:
      'An image is written four times, each time after the last version was forwarded. Each ' +
      'version is forwarded whole, even if it is equal to the one before.',
    async run(proxy) {
      const versions = [first, second, second, Buffer.alloc(0)]
      for (const [index, version] of versions.entries()) {
        await proxy.write('1', 'a.img', version)
        const isNext = () => proxy.fakeCache.images.length > index
        expectForwarded(
          await proxy.forwarded(
            'a.img',
            (image) => isNext() && proxy.fakeCache.images.indexOf(image) === index,
          ),
          version,
          'W5',
        )
      }
      await proxy.stillServes('W5')
    },
  },
  {
    id: 'proxy-open-mode-as-the-dialect-has-it',
    clauses: ['D2'],
    dialects: ['criu-2017', 'criu-2019'],
    role: 'proxy',
    about:
      'A proxy of 2017 forwards a new image with O_APPEND, one of 2019 with the open mode of its ' +
      'writer.',
    async run(proxy) {
      const { openMode } = await proxy.store('1', 'a.img', first)
      const expected = proxy.dialect === 'criu-2017' ? O_APPEND : O_WRONLY
      demand(
        openMode === expected,
        'the open mode of a new image',
        { outcome: String(expected), clause: 'D2' },
        String(openMode),
      )
    },
  },
  {
    id: 'proxy-image-of-2-gib',
    clauses: ['F5', 'W4'],
    optIn: true,
    role: 'proxy',
    about:
      'An image of 2 GiB and one byte, too large for a signed 32-bit size, is forwarded and ' +
      'read. Needs a --timeout of minutes.',
    run: (proxy) => huge(proxy, 2 ** 31 + 1),
  },
  {
    id: 'proxy-image-over-4-gib',
    clauses: ['F5', 'W4'],
    optIn: true,
    role: 'proxy',
    about:
      'An image of 4 GiB and three bytes, too large for an unsigned 32-bit size, is forwarded ' +
      'and read. Needs a --timeout of minutes.',
    run: (proxy) => huge(proxy, 2 ** 32 + 3),
  },
]
