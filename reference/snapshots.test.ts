import { readdir } from 'node:fs/promises'
import { dirname } from 'node:path'
import t from 'tap'
import { cacheAlone, onLink, pair, proxyAlone, read, write } from '../harness/testing/reference.ts'
import { ENOENT, snapshotEntry } from '../proto/messages.ts'
import { pullSnapshots, pushSnapshot } from './client.ts'

t.test('S1: one name under two ids is two images', async (t) => {
  const { socket } = await proxyAlone(t)
  await write(t, socket, { snapshotId: '/d/1' }, 'first')
  await write(t, socket, { snapshotId: '/d/2' }, 'second')
  t.equal(await read(t, socket, { snapshotId: '/d/1' }), 'first')
  t.equal(await read(t, socket, { snapshotId: '/d/2' }), 'second')
})

t.test('S1: pairs of name and id that join to the same text are different images', async (t) => {
  const { socket } = await proxyAlone(t)
  const images = [
    'ab:c',
    'a:bc',
    'a\0:b',
    'a:\0b',
    '=:a',
    '=s:a',
    's:',
    '/s:a',
    './s:a',
    '__proto__:a',
    'a:__proto__',
    'S:a',
  ]
  const identities = images.map((image) => ({
    snapshotId: image.split(':')[0] as string,
    name: image.split(':')[1] as string,
  }))
  for (const [index, identity] of identities.entries())
    await write(t, socket, identity, images[index] as string)
  for (const [index, identity] of identities.entries())
    t.equal(await read(t, socket, identity), images[index])
  t.equal(await read(t, socket, { snapshotId: 'constructor', name: 'name' }), ENOENT)
})

t.test('F5 S1: names are opaque at the proxy and at the cache', async (t) => {
  const { proxy, cache } = await pair(t)
  const names = [
    '../../etc/passwd',
    '/etc/passwd',
    '.',
    '..',
    'a\0b',
    'a\nb',
    '\u{1f600}',
    '\ufeffa',
    'e\u0301',
    '\u00e9',
    'x'.repeat(4095),
    '',
  ]
  for (const name of names) {
    await write(t, proxy.socket, { name }, `bytes of ${name}`)
    await write(t, proxy.socket, { name: 'a', snapshotId: `id ${name}`.slice(0, 4095) }, name)
  }
  for (const name of names) {
    t.equal(await read(t, cache.socket, { name }), `bytes of ${name}`)
    t.equal(
      await read(t, cache.socket, { name: 'a', snapshotId: `id ${name}`.slice(0, 4095) }),
      name,
    )
  }
  for (const { socket } of [proxy, cache])
    t.strictSame(await readdir(dirname(socket)), ['img.sock'], 'no file is made')
})

t.test('S2: the list is an image of frames in the order of the appends', async (t) => {
  const { socket } = await proxyAlone(t)
  for (const snapshot of ['/d/1', '/d/2', '/d/\u00e4']) await pushSnapshot(socket, snapshot)
  const golden = '060000000a042f642f31060000000a042f642f32070000000a052f642fc3a4'
  t.equal(
    await read(t, socket, { snapshotId: 'null', name: 'parent' }),
    Buffer.from(golden, 'hex').toString(),
  )
})

t.test('S2: a missing list is an empty list', async (t) => {
  const { socket } = await proxyAlone(t)
  t.strictSame(await pullSnapshots(socket), [])
})

t.test('S3: the list is read back from the proxy, and from the cache', async (t) => {
  const { proxy, cache } = await pair(t)
  await pushSnapshot(proxy.socket, '/d/1')
  t.strictSame(await pullSnapshots(proxy.socket), ['/d/1'])
  t.strictSame(await pullSnapshots(cache.socket), ['/d/1'])
  await pushSnapshot(proxy.socket, '/d/2')
  await write(t, proxy.socket, { name: 'after the list' }, '')
  await read(t, cache.socket, { name: 'after the list' })
  t.strictSame(await pullSnapshots(proxy.socket), ['/d/1', '/d/2'])
  t.strictSame(await pullSnapshots(cache.socket), ['/d/1', '/d/2'])
})

t.test('S3 C2: a restore that starts first waits for the list', async (t) => {
  const { socket, linkUp } = await cacheAlone(t)
  const list = pullSnapshots(socket)
  const link = await linkUp()
  link.send(onLink({ snapshotId: 'null', name: 'parent' }, snapshotEntry.encode('/d/1')))
  t.strictSame(await list, ['/d/1'])
})

t.test('S2 F6: a list that ends inside an entry is refused', async (t) => {
  const { socket } = await proxyAlone(t)
  const list = Buffer.concat([snapshotEntry.encode('/d/1'), snapshotEntry.encode('/d/2')])
  await write(t, socket, { snapshotId: 'null', name: 'parent' }, list.subarray(0, -1))
  await t.rejects(pullSnapshots(socket), {
    code: 'frame-truncated',
    message: /5\/6 bytes of the message/,
  })
})

t.test(
  'S4: images of a parent are read from the proxy in a dump and from the cache in a restore',
  async (t) => {
    const { proxy, cache } = await pair(t)
    await write(t, proxy.socket, { snapshotId: '/d/1', name: 'pagemap-1.img' }, 'parent')
    t.equal(await read(t, proxy.socket, { snapshotId: '/d/1', name: 'pagemap-1.img' }), 'parent')
    await write(t, proxy.socket, { snapshotId: '/d/2', name: 'pagemap-1.img' }, 'child')
    t.equal(await read(t, proxy.socket, { snapshotId: '/d/1', name: 'pagemap-1.img' }), 'parent')
    t.equal(await read(t, cache.socket, { snapshotId: '/d/2', name: 'pagemap-1.img' }), 'child')
    t.equal(await read(t, cache.socket, { snapshotId: '/d/1', name: 'pagemap-1.img' }), 'parent')
  },
)
