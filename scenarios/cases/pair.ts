import {
  type Case,
  demand,
  describe,
  expectImage,
  expectMissing,
  expectOneOf,
  LIST,
  MEGABYTE,
  NAME_LIMIT,
  snapshotEntry,
  someBytes,
  times,
} from '../../harness/conformance/index.ts'
import {
  finishDump,
  finishRestore,
  isImage,
  migrate,
  servesAll,
  untilServed,
} from '../model/pair.ts'

/* Cases for the pair: whole migrations as CRIU sees them at the proxy and at the cache. */

const names = ['inventory.img', 'core-1.img', 'pagemap-1.img', 'pages-1.img', 'mm-1.img']

export const cases: readonly Case[] = [
  {
    id: 'pair-migration',
    clauses: ['E1', 'E2', 'W5', 'W6', 'C1'],
    role: 'pair',
    about:
      'A dump pushes its snapshot, writes images, and is finished directly after the last one. The ' +
      'restore reads the list and all images and is finished. Both daemons exit with 0.',
    async run(pair) {
      const { proxy, cache } = pair
      await proxy.push('/images/1')
      for (const [at, name] of names.entries())
        await proxy.write('/images/1', name, someBytes(10 + at * 50_000, at + 1))
      await finishDump(pair)
      expectImage(
        await cache.read(pair.names.nullId, LIST),
        snapshotEntry.encode('/images/1'),
        'S3',
        'the list of snapshots',
      )
      for (const [at, name] of names.entries())
        expectImage(await cache.read('/images/1', name), someBytes(10 + at * 50_000, at + 1), 'W5')
      await finishRestore(pair)
    },
  },
  {
    id: 'pair-restore-first',
    clauses: ['C2', 'S3', 'W3', 'E2'],
    role: 'pair',
    about:
      'A restore asks for the list and every image before the dump begins, in reverse order. It ' +
      'gets each as it comes, and ENOENT for missing images at the end. Both daemons exit with ' +
      '0.',
    async run(pair) {
      const { proxy, cache } = pair
      const waiters = await Promise.all(names.toReversed().map((name) => cache.openRead('1', name)))
      const list = await cache.openRead(pair.names.nullId, LIST)
      const missing = await Promise.all(
        times(10, (at) => cache.openRead('1', `core-${at + 2}.img`)),
      )
      await proxy.push('1')
      expectImage(
        await cache.answer(list),
        snapshotEntry.encode('1'),
        'S3',
        'the list of snapshots',
      )
      for (const [at, name] of names.entries()) {
        await proxy.write('1', name, someBytes(at * 50_000, at + 1))
        expectImage(
          await cache.answer(waiters.pop() as (typeof waiters)[0]),
          someBytes(at * 50_000, at + 1),
          'C2',
        )
      }
      await finishDump(pair)
      for (const waiter of missing) expectMissing(await cache.answer(waiter), 'C3')
      await finishRestore(pair)
    },
  },
  {
    id: 'pair-increments',
    clauses: ['S2', 'S3', 'S4', 'E3', 'L6'],
    role: 'pair',
    needs: ['append'],
    about:
      'Two pre-dumps and a dump each read the list and the images of their parents at the proxy. ' +
      'Both sides have the three ids of the list in order, and serve all images of all three.',
    async run(pair) {
      const { proxy, cache } = pair
      const { nullId } = pair.names
      const ids = ['/images/pre-1', '/images/pre-2', '/images/dump']
      let list = Buffer.alloc(0)
      for (const [round, id] of ids.entries()) {
        await proxy.push(id)
        const before = list
        list = Buffer.concat([list, snapshotEntry.encode(id)])
        await untilServed(proxy, nullId, LIST, list, 'S3', before.length > 0 ? before : undefined)
        const parents = ids.slice(0, round).flatMap((parent) =>
          names.map((name) => ({
            snapshotId: parent,
            name,
            bytes: Buffer.from(`${name} of ${parent}`),
          })),
        )
        await servesAll(proxy, parents, 'S4')
        for (const name of names) await migrate(pair, id, name, Buffer.from(`${name} of ${id}`))
      }
      await finishDump(pair)
      expectImage(await cache.read(nullId, LIST), list, 'S2', 'the list of snapshots at the cache')
      const all = ids.flatMap((id) =>
        names.map((name) => ({ snapshotId: id, name, bytes: Buffer.from(`${name} of ${id}`) })),
      )
      await servesAll(cache, all, 'S4')
      await finishRestore(pair)
    },
  },
  {
    id: 'pair-100-images-of-4-writers',
    clauses: ['W4', 'W5', 'L2'],
    role: 'pair',
    about:
      'Four clients write 100 images of up to 15,000 bytes at once, and the dump is finished ' +
      'directly after. The cache serves every image, byte for byte.',
    async run(pair) {
      const { proxy, cache } = pair
      const images = times(100, (at) => ({
        snapshotId: '1',
        name: `pages-${at}.img`,
        bytes: someBytes((at * 997) % 15_000, at + 1),
      }))
      const writer = async (first: number) => {
        for (let at = first; at < images.length; at += 4)
          await proxy.write('1', `pages-${at}.img`, (images[at] as (typeof images)[0]).bytes)
      }
      await Promise.all([0, 1, 2, 3].map(writer))
      await finishDump(pair)
      await servesAll(cache, images, 'W5')
    },
  },
  {
    id: 'pair-big-image',
    clauses: ['W4', 'L3', 'L5'],
    role: 'pair',
    about:
      'An image of 20 MiB and directly after it a small one are written, and a client waits for ' +
      'each. Both clients get every byte, and the big image is read back at the proxy.',
    async run(pair) {
      const { proxy, cache } = pair
      const bytes = someBytes(20 * MEGABYTE, pair.seed)
      const waiters = [
        await cache.openRead('1', 'pages-1.img'),
        await cache.openRead('1', 'core-1.img'),
      ] as const
      await proxy.write('1', 'pages-1.img', bytes)
      await proxy.write('1', 'core-1.img', Buffer.from('small'))
      expectImage(await cache.answer(waiters[0]), bytes, 'W4')
      expectImage(await cache.answer(waiters[1]), Buffer.from('small'), 'W4')
      expectImage(await proxy.read('1', 'pages-1.img'), bytes, 'L3')
    },
  },
  {
    id: 'pair-list-appended-while-read',
    clauses: ['L6', 'L7', 'S2'],
    role: 'pair',
    needs: ['append'],
    about:
      'Twenty entries are appended to the list while clients at both sides read it without ' +
      'pause. Each answer has the first entries, whole, and never fewer than the answer before; ' +
      'the last one has all.',
    async run(pair) {
      const { nullId } = pair.names
      const entries = times(20, (at) => snapshotEntry.encode(`/images/snapshot-${at}`))
      const lists = entries.map((_, at) => Buffer.concat(entries.slice(0, at + 1)))
      const whole = lists.at(-1) as Buffer
      const readOn = async (side: typeof pair.proxy) => {
        for (let seen = 0; seen < lists.length; ) {
          const answer = await side.read(nullId, LIST)
          if (side === pair.proxy && seen === 0 && answer.error === 2) continue
          const now = lists.findIndex((list) => isImage(answer, list)) + 1
          const permitted = {
            outcome: `${Math.max(1, seen)} entries or more, whole and in order`,
            clause: 'L7',
          }
          demand(
            now >= Math.max(1, seen),
            `the list at the ${side.role}`,
            permitted,
            describe(answer),
          )
          seen = now
        }
      }
      const readers = [pair.proxy, pair.cache].map(readOn)
      for (const [at, list] of lists.entries()) {
        await pair.proxy.push(`/images/snapshot-${at}`)
        await untilServed(pair.proxy, nullId, LIST, list, 'L6', lists[at - 1])
      }
      const all = { outcome: `all ${whole.length} bytes`, clause: 'S2' }
      await pair.cache.waitFor('the whole list at both sides', all, Promise.all(readers))
    },
  },
  {
    id: 'pair-append-to-an-image',
    clauses: ['L6', 'D2', 'F4', 'W4'],
    role: 'pair',
    needs: ['append'],
    about:
      'An image is created by an append, and grows by 100 KB, by one byte and by 5000 bytes, ' +
      'with other images in between. Both sides have the same bytes each time.',
    async run(pair) {
      let whole: Buffer | undefined
      for (const [at, size] of [10, 100_000, 1, 5000].entries()) {
        const before = whole
        whole = Buffer.concat([before ?? Buffer.alloc(0), someBytes(size, at + 1)])
        await pair.proxy.append('1', 'a.img', someBytes(size, at + 1))
        for (const side of [pair.proxy, pair.cache])
          await untilServed(side, '1', 'a.img', whole, side === pair.proxy ? 'L6' : 'D2', before)
        await migrate(pair, '1', `${at}.img`, someBytes(size, at + 2))
      }
    },
  },
  {
    id: 'pair-rewritten-image',
    clauses: ['L5', 'L7', 'W5'],
    role: 'pair',
    about:
      'An image is written five times: shorter, empty, longer. Both sides serve the version ' +
      'before or the new one, whole, and at the end the last one.',
    async run(pair) {
      let before: Buffer | undefined
      for (const [at, size] of [100_000, 10, 0, 300_000, 5].entries()) {
        const bytes = someBytes(size, at + 1)
        await pair.proxy.write('1', 'a.img', bytes)
        for (const side of [pair.proxy, pair.cache])
          await untilServed(side, '1', 'a.img', bytes, side === pair.proxy ? 'L5' : 'W5', before)
        before = bytes
      }
    },
  },
  {
    id: 'pair-finish-while-images-are-queued',
    clauses: ['E1', 'W5', 'W6'],
    role: 'pair',
    about:
      'Fifteen images of 1 MiB are written and the dump is finished at once, while most of them ' +
      'are still queued. The proxy exits with 0, and the cache has all images.',
    async run(pair) {
      const images = times(15, (at) => someBytes(MEGABYTE, at + 1))
      for (const [at, bytes] of images.entries()) await pair.proxy.write('1', `${at}.img`, bytes)
      await finishDump(pair)
      for (const [at, bytes] of images.entries())
        expectImage(await pair.cache.read('1', `${at}.img`), bytes, 'W5', `a read of ${at}.img`)
      await finishRestore(pair)
    },
  },
  {
    id: 'pair-vanished-process',
    clauses: ['P1', 'C3'],
    role: 'pair',
    about:
      "A dump asks the proxy for a parent's images of a process that did not exist at the " +
      'parent: ENOENT at once. A restore asks the cache for the same: ENOENT after the dump is ' +
      'finished.',
    async run(pair) {
      const { proxy, cache } = pair
      await migrate(pair, 'pre', 'pagemap-1.img', Buffer.from('of a process that stays'))
      const waiter = await cache.openRead('pre', 'pagemap-2.img')
      for (const name of ['pagemap-2.img', 'pages-2.img'])
        expectMissing(await proxy.read('pre', name), 'P1')
      await migrate(pair, 'dump', 'pagemap-2.img', Buffer.from('a new process'))
      expectMissing(await proxy.read('pre', 'pagemap-2.img'), 'P1')
      await finishDump(pair)
      expectMissing(await cache.answer(waiter), 'C3')
      expectMissing(await cache.read('pre', 'pages-2.img'), 'C3')
      await finishRestore(pair)
    },
  },
  {
    id: 'pair-odd-names',
    clauses: ['F5', 'S1'],
    role: 'pair',
    about:
      'Names and ids of 4095 bytes, with slashes, dots, NUL and letters of other alphabets pass ' +
      'both daemons unchanged and stay different images.',
    async run(pair) {
      const odd = [
        '../../etc/x',
        'etc/x',
        'a/../b',
        'b',
        'a\0b',
        'a\0c',
        'Ж漢😀',
        '\u00e9',
        'e\u0301',
        'n'.repeat(NAME_LIMIT),
        '漢'.repeat(NAME_LIMIT / 3),
      ]
      const images = odd.flatMap((text) => [[text, 'x'] as const, ['1', text] as const])
      for (const [at, [id, name]] of images.entries())
        await pair.proxy.write(id, name, Buffer.from(`image ${at}`))
      for (const [at, [id, name]] of images.entries())
        expectImage(await pair.cache.read(id, name), Buffer.from(`image ${at}`), 'F5')
    },
  },
  {
    id: 'pair-proxy-killed',
    clauses: ['W7', 'C3'],
    role: 'pair',
    about:
      'The proxy is killed while an image of 32 MiB is on its way. Clients that wait at the ' +
      'cache are answered: the image is whole or ENOENT. An earlier image is still served.',
    async run(pair) {
      const { proxy, cache } = pair
      const bytes = someBytes(32 * MEGABYTE, pair.seed)
      await migrate(pair, '1', 'held.img', Buffer.from('came before'))
      const [whole, missing] = [
        await cache.openRead('1', 'pages-1.img'),
        await cache.openRead('1', 'missing.img'),
      ]
      await proxy.write('1', 'pages-1.img', bytes)
      await pair.killProxy()
      for (const answer of [await cache.answer(whole), await cache.read('1', 'pages-1.img')]) {
        if (answer.error === 0) expectOneOf(answer, [bytes], 'W7')
        else expectMissing(answer, 'W7')
      }
      expectMissing(await cache.answer(missing), 'C3')
      expectImage(await cache.read('1', 'held.img'), Buffer.from('came before'), 'C1')
    },
  },
]
