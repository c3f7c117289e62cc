import t from 'tap'
import { Forwarder } from './forwarder.ts'
import type { Content } from './image.ts'
import { openLink } from './link.ts'
import { silent } from './log.ts'
import { listenOnce, type Scope, turns } from './testing-peer.ts'

const MEBIBYTE = Buffer.alloc(1_048_576, 'bytes of an image')

t.test('F5 W4: an image over 4 GiB: its size on the wire, and bytes behind the header', async (t) => {
  const { forwarder, peer } = await linked(t)
  const content = repeated(5 * 1024 + 1)
  forwarder.queue({ name: 'a', snapshotId: 's', openMode: 1, size: content.size }, content)
  t.equal((await peer.take(18)).toString('hex'), '0e0000000a01611201731801208080c08014', '5 GiB and 1 MiB, 5 << 30 | 1 << 20')
  t.ok((await peer.take(MEBIBYTE.length)).equals(MEBIBYTE))
})

t.test('E1 W6: the end of the link comes behind the last byte', async (t) => {
  const { forwarder, peer } = await linked(t)
  forwarder.queue({ name: 'a', snapshotId: 's', openMode: 1, size: 3 * MEBIBYTE.length }, repeated(3))
  await Promise.all([forwarder.finish(), peer.forwarded()])
  t.equal((await peer.rest()).length, 0)
})

t.test('E1 W7: a link that is lost with the last bytes unsent is no clean end', async (t) => {
  const { forwarder, peer, link } = await linked(t)
  peer.socket.pause()
  while (link.writableLength === 0) {
    forwarder.queue({ name: 'a', snapshotId: 's', openMode: 1, size: 1000 }, { chunks: [MEBIBYTE.subarray(0, 1000)], count: 1, size: 1000 })
    await turns()
  }
  t.notOk(link.writableNeedDrain, 'the forwarder has handed over all')
  const finished = forwarder.finish().then(() => 'a clean end')
  await turns()
  peer.socket.resetAndDestroy()
  await t.rejects(Promise.race([finished, forwarder.lost]), { code: 'connection-lost' })
})

t.test('W5: an append takes the place of the one before it, unless another image completed between', async (t) => {
  const { forwarder, peer } = await linked(t)
  for (const [name, megabytes] of [
    ['a', 1],
    ['a', 2],
    ['b', 1],
    ['a', 3],
  ] as const) {
    forwarder.supersede('s', name)
    forwarder.queue({ name, snapshotId: 's', openMode: 1024, size: megabytes * MEBIBYTE.length }, repeated(megabytes))
  }
  const finished = forwarder.finish()
  for (const [name, megabytes] of [
    ['a', 2],
    ['b', 1],
    ['a', 3],
  ] as const) {
    t.match(await peer.forwarded(), { header: { name, size: megabytes * MEBIBYTE.length } })
  }
  await finished
  t.equal((await peer.rest()).length, 0)
})

async function linked(t: Scope) {
  const { address, connection } = await listenOnce(t)
  const link = await openLink(address)
  t.teardown(() => link.destroy())
  return { forwarder: new Forwarder(link, silent), link, peer: await connection }
}

/** So many MiB, all of them the same. */
function repeated(count: number): Content {
  return { chunks: Array.from({ length: count }, () => MEBIBYTE), count, size: count * MEBIBYTE.length }
}
