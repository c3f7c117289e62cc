import {
  type Case,
  type Connection,
  type DaemonContext,
  expectMissing,
  expectRefused,
  MEGABYTE,
  O_RDONLY,
  O_WRONLY,
  times,
} from '../../harness/conformance/index.ts'
import {
  deepGroups,
  frameOf,
  NAME,
  numberField,
  OPEN_MODE,
  oversized,
  SIZE,
  SNAPSHOT_ID,
  textField,
} from '../model/message.ts'

/* Cases for both roles: frames whose groups or lengths are meant to exhaust the daemon (F6). */

/** Depths of groups: a frame of 16 KiB has 16,000 that are not closed, or 8,000 that are. */
const depths = [
  { depth: 8_000, closed: true },
  { depth: 16_000, closed: false },
  { depth: 16_000, closed: true },
  { depth: 100_000, closed: true },
  { depth: 100_000, closed: false },
] as const

/** Lengths that clients announce and do not send: about limits that receivers have. */
const announced = [16_383, 65_535, MEGABYTE - 1, 16 * MEGABYTE, 64 * MEGABYTE - 1, 0x7fffffff]

/** Connections that announce a frame. */
const ANNOUNCERS = 120

/** Returns the fields of a header, with groups after them, or before them. */
function headerFields(openMode: number, groups: Buffer, at: 'before' | 'after'): Buffer {
  const fields = [textField(NAME, 'a.img'), textField(SNAPSHOT_ID, '1')]
  const known = [...fields, numberField(OPEN_MODE, openMode), numberField(SIZE, 0)]
  return frameOf(...(at === 'after' ? [...known, groups] : [groups, ...known]))
}

/** Sends each frame as a client, and demands that the daemon goes on serving. */
async function survivesGroups(
  side: DaemonContext & { stillServes(clause: string): Promise<void> },
  openMode: number,
): Promise<void> {
  for (const { depth, closed } of depths)
    for (const at of ['after', 'before'] as const) {
      const client = await side.connect()
      const what = `${depth} groups${closed ? '' : ' that are not closed'}, ${at} the other fields`
      await client.send(headerFields(openMode, deepGroups(15, depth, closed), at), what)
      await client.end()
      await side.stillServes('F6')
      client.reset()
    }
}

/** Lets many clients announce frames that they do not send; the daemon goes on serving. */
async function survivesAnnouncements(
  side: DaemonContext & { stillServes(clause: string): Promise<void> },
): Promise<void> {
  const clients: Connection[] = []
  for (const at of times(ANNOUNCERS, (index) => index)) {
    const client = await side.connect()
    clients.push(client)
    await client.send(oversized(announced[at % announced.length] as number), 'a length')
  }
  await side.stillServes('F6')
  for (const client of clients) await client.send(Buffer.alloc(1000, 'x'), 'a part of a frame')
  await side.stillServes('F6')
  for (const client of clients.slice(0, ANNOUNCERS / 2)) client.reset()
  for (const client of clients.slice(ANNOUNCERS / 2)) {
    await client.end()
    const what = 'the end of a connection that sent a part of a frame'
    const permitted = { outcome: 'its end', clause: 'F6' }
    expectRefused(await side.waitFor(what, permitted, client.answer()), 'F6', what)
  }
  await side.stillServes('F6')
}

export const cases: readonly Case[] = [
  {
    id: 'proxy-groups-100000-deep',
    clauses: ['F6'],
    role: 'proxy',
    about:
      'Headers of writes have 8,000 to 100,000 nested groups, closed or not, before or after their ' +
      'fields, in frames from 16 KiB to 200 KB. The proxy takes or refuses each, and goes on.',
    run: (proxy) => survivesGroups(proxy, O_WRONLY),
  },
  {
    id: 'cache-groups-100000-deep',
    clauses: ['F6'],
    role: 'cache',
    about:
      'Headers of reads have 8,000 to 100,000 nested groups, closed or not, before or after their ' +
      'fields, in frames from 16 KiB to 200 KB. The cache takes or refuses each, and goes on.',
    run: (cache) => survivesGroups(cache, O_RDONLY),
  },
  ...depths.slice(0, 3).map(
    ({ depth, closed }): Case => ({
      id: `cache-link-groups-${depth}-deep${closed ? '' : '-unclosed'}`,
      clauses: ['F6', 'W7'],
      role: 'cache',
      about:
        `A header on the link has ${depth} nested groups${closed ? '' : ' that are not closed'}. The ` +
        'cache takes the header or ends the link. It goes on serving the image before it, and ' +
        'exits at the end of the restore without a crash.',
      async run(cache) {
        await cache.stillServes('C2')
        await cache.forward('1', 'held.img', Buffer.from('held'))
        await cache.serves('1', 'held.img', Buffer.from('held'), 'C2')
        const what = `${depth} groups`
        await cache.link.send(headerFields(O_WRONLY, deepGroups(15, depth, closed), 'after'), what)
        cache.closeLink()
        expectMissing(await cache.read('1', 'missing.img'), 'C3')
        await cache.serves('1', 'held.img', Buffer.from('held'), 'F6')
        await cache.finishRestore()
        await cache.exit({ clause: 'E2' })
      },
    }),
  ),
  {
    id: 'proxy-frames-announced-and-not-sent',
    clauses: ['F6', 'L2'],
    role: 'proxy',
    about:
      `${ANNOUNCERS} clients announce frames of 16 KiB to 2 GiB, about the limits that proxies have, ` +
      'and send little or nothing of them. The proxy goes on serving meanwhile and after their end.',
    run: survivesAnnouncements,
  },
  {
    id: 'cache-frames-announced-and-not-sent',
    clauses: ['F6', 'L2'],
    role: 'cache',
    about:
      `${ANNOUNCERS} clients announce frames of 16 KiB to 2 GiB, about the limits that caches have, ` +
      'and send little or nothing of them. The cache goes on serving meanwhile and after their end.',
    run: survivesAnnouncements,
  },
]
