import { setTimeout as pause } from 'node:timers/promises'
import {
  type CacheUnderTest,
  type Case,
  type Connection,
  demand,
  describe,
  expectImage,
  expectMissing,
  LIST,
  localImage,
  MEGABYTE,
  names2017,
  names2019,
  O_RDONLY,
  someBytes,
  times,
} from '../../harness/conformance/index.ts'

/* Cases for the cache: the end of the link and of the restore, in either order (C3, E2, D1, D3). */

/** How long a reader takes nothing, in ms: a daemon may reset it after 10 s (E1b). */
const READS_NOTHING = 1_000

export const cases: readonly Case[] = [
  {
    id: 'cache-close-releases-waiters',
    clauses: ['C3', 'L4'],
    role: 'cache',
    about:
      'A hundred clients wait for images that never come, fifty of them for the same image. The ' +
      'proxy closes the link: each client gets ENOENT and a close.',
    async run(cache) {
      const waiters = await Promise.all(
        times(100, (at) => cache.openRead('1', `${Math.max(0, at - 50)}.img`)),
      )
      await cache.stillServes('C2')
      cache.closeLink()
      for (const answer of await cache.answers(waiters, 'the answers to waiting reads', 'C3'))
        expectMissing(answer, 'C3')
    },
  },
  {
    id: 'cache-missing-after-the-close',
    clauses: ['C3', 'C1'],
    role: 'cache',
    about:
      'The proxy has closed the link. Reads of missing images get ENOENT each time, in turn with ' +
      'reads of a held image, which get its bytes.',
    async run(cache) {
      await cache.forward('1', 'a.img', Buffer.from('held'))
      cache.closeLink()
      for (const _ of times(20, () => 0)) {
        expectMissing(await cache.read('1', 'missing.img'), 'C3')
        expectMissing(await cache.read('2', 'a.img'), 'C3')
        await cache.serves('1', 'a.img', Buffer.from('held'), 'C1')
      }
    },
  },
  {
    id: 'cache-header-across-the-close',
    clauses: ['C3', 'C1', 'F2'],
    role: 'cache',
    about:
      'Two clients send half of their headers before the proxy closes the link, and the rest ' +
      'after it. The read of a held image gets its bytes, the other gets ENOENT.',
    async run(cache) {
      await cache.forward('1', 'held.img', Buffer.from('held'))
      const asked = await Promise.all(
        ['held.img', 'none.img'].map(async (name) => ({ client: await cache.connect(), name })),
      )
      const frame = (name: string) =>
        localImage.encode({ snapshotId: '1', name, openMode: O_RDONLY })
      for (const { client, name } of asked) await client.send(frame(name).subarray(0, 7))
      const waiter = await cache.openRead('1', 'missing.img')
      cache.closeLink()
      expectMissing(await cache.answer(waiter), 'C3')
      for (const { client, name } of asked) await client.send(frame(name).subarray(7))
      const [held, none] = asked.map(({ client }) => client) as [Connection, Connection]
      expectImage(await cache.answer(held), Buffer.from('held'), 'C1')
      expectMissing(await cache.answer(none), 'C3')
    },
  },
  {
    id: 'cache-finish-after-the-close',
    clauses: ['E2', 'C1', 'C3'],
    role: 'cache',
    about:
      'The proxy has closed the link, and the cache goes on serving until the restore is ' +
      'finished. Only then it exits, with 0.',
    async run(cache) {
      await cache.forward('1', 'a.img', Buffer.from('held'))
      cache.closeLink()
      for (const _ of times(20, () => 0)) {
        await cache.serves('1', 'a.img', Buffer.from('held'), 'C1')
        expectMissing(await cache.read('1', 'missing.img'), 'C3')
      }
      await cache.finishRestore()
      await cache.cleanExit()
    },
  },
  {
    id: 'cache-finish-before-the-close',
    clauses: ['E2'],
    role: 'cache',
    about:
      'The restore is finished while the proxy still sends. The cache takes 4 MiB more, and ' +
      'exits with 0 after the proxy has closed the link.',
    async run(cache) {
      await cache.stillServes('C2')
      const finish = await cache.finishRestore()
      await answered(finish)
      const sent = cache.forward('1', 'late.img', someBytes(4 * MEGABYTE + 1, cache.seed))
      const taken = { outcome: 'all bytes taken, until the proxy closes the link', clause: 'E2' }
      await cache.waitFor('taking an image after the end of the restore', taken, sent)
      demand(
        cache.link.ended === undefined,
        'the link, before the proxy closes it',
        taken,
        `its ${cache.link.ended}`,
      )
      cache.closeLink()
      await cache.cleanExit()
    },
  },
  {
    id: 'cache-finish-twice',
    clauses: ['E2'],
    role: 'cache',
    about:
      'After an image the restore is finished twice before the proxy closes the link, the second ' +
      'time byte by byte. The cache exits with 0.',
    async run(cache) {
      await cache.stillServes('C2')
      const again = await cache.connect()
      const finish = await cache.finishRestore()
      const { nullId, restoreFinish } = cache.names
      const frame = localImage.encode({
        snapshotId: nullId,
        name: restoreFinish,
        openMode: O_RDONLY,
      })
      await again.sendPieces(times(frame.length, (at) => frame.subarray(at, at + 1)))
      await Promise.all([finish, again].map(answered))
      cache.closeLink()
      await cache.cleanExit()
    },
  },
  {
    id: 'cache-finish-beside-idle-clients',
    clauses: ['E2', 'L2'],
    role: 'cache',
    about:
      'Clients that have sent nothing or half a header stay connected while the restore is ' +
      'finished and the proxy closes the link. The cache does not wait for them and exits with ' +
      '0.',
    async run(cache) {
      const idle = [await cache.connect(), await cache.connect()]
      await idle[1]?.send(Buffer.from([20, 0, 0]))
      await cache.stillServes('L2')
      cache.closeLink()
      await cache.finishRestore()
      await cache.cleanExit()
    },
  },
  {
    id: 'cache-finish-does-not-cut-readers',
    clauses: ['E1b', 'L7', 'E2'],
    role: 'cache',
    about:
      'A client has its reply for an image of 8 MiB and reads no further while the link is closed ' +
      'and the restore is finished. It reads on a second later and gets the whole image, and then ' +
      'the cache exits with 0.',
    async run(cache) {
      const bytes = someBytes(8 * MEGABYTE + 1, cache.seed)
      await cache.forward('1', 'a.img', bytes)
      const reader = await cache.openRead('1', 'a.img')
      await cache.waitFor('the reply', { outcome: 'error 0', clause: 'L3' }, reader.reply())
      reader.socket.pause()
      cache.closeLink()
      await cache.finishRestore()
      await pause(READS_NOTHING)
      reader.socket.resume()
      const what = 'the rest of an image whose reader had its reply before the end of the restore'
      expectImage(await cache.answer(reader, what), bytes, 'E1b', what)
      await cache.cleanExit()
    },
  },
  {
    id: 'cache-finish-without-a-proxy',
    clauses: ['C4', 'E2'],
    role: 'cache',
    link: 'later',
    about:
      'The restore is finished before a proxy has connected, which counts as an open link. The ' +
      'cache then takes the images of a proxy, and exits with 0 after its close.',
    async run(cache) {
      await answered(await cache.finishRestore())
      await cache.connectLink()
      const taken = { outcome: 'all bytes taken, until the proxy closes the link', clause: 'E2' }
      await cache.waitFor(
        'taking an image',
        taken,
        cache.forward('1', 'late.img', someBytes(4 * MEGABYTE + 1, cache.seed)),
      )
      demand(
        cache.link.ended === undefined,
        'the link, before the proxy closes it',
        taken,
        `its ${cache.link.ended}`,
      )
      cache.closeLink()
      await cache.cleanExit()
    },
  },
  {
    id: 'cache-finish-names-are-images-elsewhere',
    clauses: ['D1', 'E2', 'S1'],
    role: 'cache',
    about:
      'The finish names of all dialects and the name of the list are ordinary images under an ' +
      'ordinary snapshot id. They are waited for and served, and the cache stays after the ' +
      "proxy's close.",
    async run(cache) {
      const names = ['RESTORE_FINISH', 'DUMP_FINISH', '', 'null', LIST]
      const waiters = await Promise.all(names.map((name) => cache.openRead('1', name)))
      for (const name of names) await cache.forward('1', name, Buffer.from(`image ${name}`))
      for (const [at, name] of names.entries())
        expectImage(
          await cache.answer(waiters[at] as Connection),
          Buffer.from(`image ${name}`),
          'D1',
        )
      cache.closeLink()
      for (const name of names) await cache.serves('1', name, Buffer.from(`image ${name}`), 'D1')
    },
  },
  {
    id: 'cache-other-names-are-no-finish',
    clauses: ['D1', 'E2'],
    role: 'cache',
    about:
      'After an image and the end of the link, names that are similar to the finish name, under ' +
      'the null snapshot id, are missing images: ENOENT. The finish name then ends the restore, ' +
      'and the cache exits with 0.',
    async run(cache) {
      const { nullId, restoreFinish } = cache.names
      await cache.stillServes('C2')
      cache.closeLink()
      for (const name of [`${restoreFinish}x`, 'restore_finish', 'RESTORE', 'null'])
        expectMissing(
          await cache.read(nullId, name),
          'D1',
          `the answer to a read of ${JSON.stringify(name)}`,
        )
      await cache.finishRestore()
      await cache.cleanExit('D1')
    },
  },
  {
    id: 'cache-auto-finish-of-2019',
    clauses: ['D1', 'E2'],
    role: 'cache',
    dialects: ['auto'],
    about:
      'A CRIU of 2019 finishes the restore of a cache that takes all dialects, with an empty ' +
      'name and an empty id. The cache exits with 0.',
    run: (cache) => finishedBy(cache, names2019),
  },
  {
    id: 'cache-auto-finish-of-2017',
    clauses: ['D1', 'E2'],
    role: 'cache',
    dialects: ['auto'],
    about:
      'A CRIU of 2017 finishes the restore of a cache that takes all dialects, with ' +
      'RESTORE_FINISH of snapshot null. The cache exits with 0.',
    run: (cache) => finishedBy(cache, names2017),
  },
  {
    id: 'cache-finish-is-answered',
    clauses: ['D3', 'E2'],
    role: 'cache',
    dialects: ['criu-2017'],
    about:
      'The proxy has sent an image and closed the link, and a CRIU of 2017 finishes the restore. ' +
      'It gets a reply of any value, and the cache exits with 0.',
    async run(cache) {
      await cache.stillServes('C2')
      cache.closeLink()
      const finish = await cache.finishRestore()
      await demandReply(cache, finish)
      await cache.cleanExit()
    },
  },
  {
    id: 'cache-finish-before-the-close-is-answered',
    clauses: ['D3', 'E2'],
    role: 'cache',
    dialects: ['criu-2017'],
    about:
      'After an image, a CRIU of 2017 finishes the restore before the proxy closes the link. It ' +
      'gets a reply of any value, and the cache exits with 0.',
    async run(cache) {
      await cache.stillServes('C2')
      const finish = await cache.finishRestore()
      await answered(finish)
      cache.closeLink()
      await demandReply(cache, finish)
      await cache.cleanExit()
    },
  },
]

/**
 * Waits for the answer to a finish, for 300 ms at most: the answer may also come with the exit. A
 * cache that exits too early ends the wait sooner.
 */
function answered(finish: Connection): Promise<unknown> {
  return Promise.race([finish.untilEnd(), new Promise((resolve) => setTimeout(resolve, 300))])
}

/** Demands a reply to the finish of a restore. */
async function demandReply(cache: CacheUnderTest, finish: Connection): Promise<void> {
  const permitted = { outcome: 'a reply of any value', clause: 'D3' }
  const answer = await cache.waitFor(
    'the answer to the end of the restore',
    permitted,
    finish.answer(),
  )
  demand(
    answer.error !== undefined,
    'the answer to the end of the restore',
    permitted,
    describe(answer),
  )
}

/** Finishes a restore with these names, and demands an exit with 0. */
async function finishedBy(cache: CacheUnderTest, names: typeof names2017): Promise<void> {
  await cache.stillServes('C2')
  cache.closeLink()
  await cache.finishRestore(names)
  await cache.cleanExit('D1')
}
