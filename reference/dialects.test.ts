import t from 'tap'
import { turns } from '../harness/testing/peer.ts'
import {
  append,
  cacheAlone,
  onLink,
  pair,
  proxyAlone,
  read,
  reading,
  write,
} from '../harness/testing/reference.ts'
import { ENOENT } from '../proto/messages.ts'
import { finishDump, finishRestore, pullSnapshots, pushSnapshot } from './client.ts'
import { type DialectName, dialect } from './dialect.ts'

const dialects: DialectName[] = ['auto', 'ours', 'criu-2017', 'criu-2019']
const finishes = {
  'criu-2017': {
    dump: { snapshotId: 'null', name: 'DUMP_FINISH' },
    restore: { snapshotId: 'null', name: 'RESTORE_FINISH' },
  },
  'criu-2019': { dump: { snapshotId: '', name: '' }, restore: { snapshotId: '', name: '' } },
}
const understands: Record<DialectName, (keyof typeof finishes)[]> = {
  auto: ['criu-2017', 'criu-2019'],
  ours: ['criu-2017'],
  'criu-2017': ['criu-2017'],
  'criu-2019': ['criu-2019'],
}

for (const name of dialects) {
  for (const [version, { dump, restore }] of Object.entries(finishes)) {
    const understood = understands[name].includes(version as keyof typeof finishes)
    t.test(
      `E1: ${name}: the finish of a dump of ${version} is ${understood ? 'understood' : 'an image'}`,
      async (t) => {
        const { socket, daemon, link } = await proxyAlone(t, { dialect: name })
        await write(t, socket, dump, '')
        if (understood) return void (await daemon.finished)
        t.match(await link.forwarded(), { header: { ...dump, size: 0 } })
        t.equal(await Promise.race([daemon.finished, turns()]), undefined)
      },
    )
    t.test(
      `E2: ${name}: the finish of a restore of ${version} is ${understood ? 'answered with 0' : 'an image'}`,
      async (t) => {
        const { socket, daemon, linkUp } = await cacheAlone(t, { dialect: name })
        ;(await linkUp()).end()
        t.equal(await read(t, socket, restore), understood ? '' : ENOENT)
        if (understood) await daemon.finished
        else t.equal(await Promise.race([daemon.finished, turns()]), undefined)
      },
    )
  }

  t.test(
    `S2 S3 E1 E2: ${name}: a whole migration with rewritten and appended images`,
    async (t) => {
      const { proxy, cache } = await pair(t, { dialect: name })
      for (const snapshotId of ['/d/1', '/d/2']) {
        await pushSnapshot(proxy.socket, snapshotId, dialect(name))
        await write(t, proxy.socket, { snapshotId }, 'old')
        await write(t, proxy.socket, { snapshotId }, `new of ${snapshotId}`)
        await append(t, proxy.socket, { snapshotId }, ' and more')
        await append(t, proxy.socket, { snapshotId, name: 'log' }, 'one ')
        await append(t, proxy.socket, { snapshotId, name: 'log' }, '')
        await append(t, proxy.socket, { snapshotId, name: 'log' }, 'two')
        await write(t, proxy.socket, { snapshotId, name: 'shorter' }, 'a long image')
        await write(t, proxy.socket, { snapshotId, name: 'shorter' }, '')
      }
      await finishDump(proxy.socket, dialect(name))
      await proxy.daemon.finished
      t.strictSame(await pullSnapshots(cache.socket, dialect(name)), ['/d/1', '/d/2'])
      for (const snapshotId of ['/d/1', '/d/2']) {
        t.equal(await read(t, cache.socket, { snapshotId }), `new of ${snapshotId} and more`)
        t.equal(await read(t, cache.socket, { snapshotId, name: 'log' }), 'one two')
        t.equal(await read(t, cache.socket, { snapshotId, name: 'shorter' }), '')
      }
      await finishRestore(cache.socket, dialect(name))
      await cache.daemon.finished
    },
  )
}

t.test(
  'S2: auto: both null snapshot ids are one snapshot; other dialects have one null id',
  async (t) => {
    const { proxy, cache } = await pair(t)
    await append(t, proxy.socket, { snapshotId: 'null', name: 'parent' }, 'one ')
    await append(t, proxy.socket, { snapshotId: '', name: 'parent' }, 'two')
    for (const snapshotId of ['null', ''])
      t.equal(await read(t, proxy.socket, { snapshotId, name: 'parent' }), 'one two')
    await write(t, proxy.socket, { name: 'after it' }, '')
    await read(t, cache.socket, { name: 'after it' })
    for (const snapshotId of ['null', ''])
      t.equal(await read(t, cache.socket, { snapshotId, name: 'parent' }), 'one two')
    for (const [name, other] of [
      ['criu-2017', ''],
      ['ours', ''],
      ['criu-2019', 'null'],
    ] as const) {
      const { socket } = await proxyAlone(t, { dialect: name })
      await append(t, socket, { snapshotId: other, name: 'parent' }, 'an image of the snapshot')
      t.strictSame(await pullSnapshots(socket, dialect(name)), [], name)
    }
  },
)

t.test(
  'S2 C2: auto: a read that waits for the list is answered under either null id',
  async (t) => {
    const { socket, linkUp } = await cacheAlone(t)
    const waiters = await Promise.all(
      ['null', ''].map((snapshotId) => reading(t, socket, { snapshotId, name: 'parent' })),
    )
    ;(await linkUp()).send(onLink({ snapshotId: '', name: 'parent' }, 'list'))
    for (const waiter of waiters) t.equal(String((await waiter.answer()).bytes), 'list')
  },
)
