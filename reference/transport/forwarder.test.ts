import t from 'tap'
import { listenOnce, type Scope, turns } from '../../harness/testing/peer.ts'
import { silent } from '../log.ts'
import type { Content } from '../memory/content.ts'
import { Forwarder } from './forwarder.ts'
import { openLink } from './link.ts'

const MEBIBYTE = Buffer.alloc(1_048_576, 'bytes of an image')

t.test('F5 W4: an image over 4 GiB has its size in the header, and its bytes follow', async (t) => {
  const { forwarder, peer } = await linked(t)
  const content = repeated(5 * 1024 + 1)
  forwarder.queue({ name: 'a', snapshotId: 's', openMode: 1, size: content.size }, content)
  t.equal(
    (await peer.take(18)).toString('hex'),
    '0e0000000a01611201731801208080c08014',
    '5 GiB and 1 MiB, 5 << 30 | 1 << 20',
  )
  t.ok((await peer.take(MEBIBYTE.length)).equals(MEBIBYTE))
})

t.test('E1 W6: the link ends after the last byte', async (t) => {
  const { forwarder, peer } = await linked(t)
  forwarder.queue(
    { name: 'a', snapshotId: 's', openMode: 1, size: 3 * MEBIBYTE.length },
    repeated(3),
  )
  await Promise.all([forwarder.finish(), peer.forwarded()])
  t.equal((await peer.rest()).length, 0)
})

t.test('E1 W7: a link that is lost before the last bytes are sent is no clean end', async (t) => {
  const { forwarder, peer, link } = await linked(t)
  peer.socket.pause()
  while (link.writableLength === 0) {
    forwarder.queue(
      { name: 'a', snapshotId: 's', openMode: 1, size: 1000 },
      { chunks: [MEBIBYTE.subarray(0, 1000)], size: 1000 },
    )
    await turns()
  }
  t.notOk(link.writableNeedDrain, 'the forwarder has handed over all')
  const finished = forwarder.finish().then(() => 'a clean end')
  await turns()
  peer.socket.resetAndDestroy()
  await t.rejects(Promise.race([finished, forwarder.lost]), { code: 'connection-lost' })
})

t.test(
  'W5: an append replaces the queued one before it, unless another image completed between',
  async (t) => {
    const { forwarder, peer } = await linked(t)
    for (const [name, megabytes] of [
      ['a', 1],
      ['a', 2],
      ['b', 1],
      ['a', 3],
    ] as const) {
      forwarder.supersede(
        { name, snapshotId: 's', openMode: 1024, size: megabytes * MEBIBYTE.length },
        repeated(megabytes),
      )
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
  },
)

t.test('L6 W5: few of many appends in a row are sent, even on an idle link', async (t) => {
  const { forwarder, peer } = await linked(t)
  for (let megabytes = 1; megabytes <= 20; megabytes++) {
    forwarder.supersede(
      { name: 'a', snapshotId: 's', openMode: 1024, size: megabytes * MEBIBYTE.length },
      repeated(megabytes),
    )
    await turns()
  }
  await forwarder.finish()
  const bytes = (await peer.rest()).length
  t.ok(bytes > 20 * MEBIBYTE.length && bytes < 60 * MEBIBYTE.length, `${bytes} bytes for 20 MiB`)
})

t.test('L6 W5: a last append, or one before other images, is not held', async (t) => {
  const { forwarder, peer } = await linked(t)
  const append = (name: string, size: number) =>
    forwarder.supersede(
      { name, snapshotId: 's', openMode: 1024, size },
      { chunks: [MEBIBYTE.subarray(0, size)], size },
    )
  append('a', 100_000)
  t.match(await peer.forwarded(), { header: { name: 'a' } })
  append('small', 10)
  await turns()
  append('small', 20)
  for (const size of [10, 20]) t.match(await peer.forwarded(), { header: { name: 'small', size } })
  append('a', 200_000)
  append('b', 100_000)
  for (const name of ['a', 'b']) t.match(await peer.forwarded(), { header: { name } })
})

async function linked(t: Scope) {
  const { address, connection } = await listenOnce(t)
  const link = await openLink(address)
  t.teardown(() => link.destroy())
  return { forwarder: new Forwarder(link, silent), link, peer: await connection }
}

/** Returns a content of `count` MiB that shares one chunk. */
function repeated(count: number): Content {
  return { chunks: Array.from({ length: count }, () => MEBIBYTE), size: count * MEBIBYTE.length }
}
