import {
  type CacheBench,
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

/* C3, E2 and the control names (D1, D3): the end of the link and the end of the restore, in either order. */

export const cases: readonly Case[] = [
  {
    id: 'cache-close-releases-waiters',
    clauses: ['C3', 'L4'],
    role: 'cache',
    about:
      'A hundred clients wait for images that never come, fifty of them for the same one, when the proxy closes: each gets ENOENT and a close.',
    async run(bench) {
      const waiters = await Promise.all(
        times(100, (at) => bench.openRead('1', `${Math.max(0, at - 50)}.img`)),
      )
      await bench.stillServes('C2')
      bench.closeLink()
      for (const waiter of waiters) expectMissing(await bench.answer(waiter), 'C3')
    },
  },
  {
    id: 'cache-missing-after-the-close',
    clauses: ['C3', 'L4', 'C1'],
    role: 'cache',
    about:
      'After the proxy closed, reads of what did not come get ENOENT each time they are asked, in turn with reads of what did, which get it.',
    async run(bench) {
      await bench.forward('1', 'a.img', Buffer.from('held'))
      bench.closeLink()
      for (const _ of times(20, () => 0)) {
        expectMissing(await bench.read('1', 'missing.img'), 'C3')
        expectMissing(await bench.read('2', 'a.img'), 'L4')
        await bench.serves('1', 'a.img', Buffer.from('held'), 'C1')
      }
    },
  },
  {
    id: 'cache-header-across-the-close',
    clauses: ['C3', 'C1', 'F2'],
    role: 'cache',
    about:
      'Clients have sent half of their headers when the proxy closes, and the rest after: who asked for an image that came gets it, who asked for another gets ENOENT.',
    async run(bench) {
      await bench.forward('1', 'held.img', Buffer.from('held'))
      const asked = await Promise.all(
        ['held.img', 'none.img'].map(async (name) => ({ client: await bench.connect(), name })),
      )
      const frame = (name: string) =>
        localImage.encode({ snapshotId: '1', name, openMode: O_RDONLY })
      for (const { client, name } of asked) await client.send(frame(name).subarray(0, 7))
      const waiter = await bench.openRead('1', 'missing.img')
      bench.closeLink()
      expectMissing(await bench.answer(waiter), 'C3')
      for (const { client, name } of asked) await client.send(frame(name).subarray(7))
      const [held, none] = asked.map(({ client }) => client) as [Connection, Connection]
      expectImage(await bench.answer(held), Buffer.from('held'), 'C1')
      expectMissing(await bench.answer(none), 'C3')
    },
  },
  {
    id: 'cache-finish-after-the-close',
    clauses: ['E2', 'W6'],
    role: 'cache',
    about:
      'The proxy has closed, and the cache goes on serving until the restore says that it is finished: only then it exits, with 0.',
    async run(bench) {
      await bench.forward('1', 'a.img', Buffer.from('held'))
      bench.closeLink()
      for (const _ of times(20, () => 0)) {
        await bench.serves('1', 'a.img', Buffer.from('held'), 'C1')
        expectMissing(await bench.read('1', 'missing.img'), 'C3')
      }
      await bench.finishRestore()
      await bench.cleanExit('E2')
    },
  },
  {
    id: 'cache-finish-before-the-close',
    clauses: ['E2'],
    role: 'cache',
    about:
      'The restore says that it is finished while the proxy is still sending: the cache takes 4 MiB more, and exits, with 0, when the proxy has closed.',
    async run(bench) {
      await bench.stillServes('E2')
      const finish = await bench.finishRestore()
      await answered(finish)
      const sent = bench.forward('1', 'late.img', someBytes(4 * MEGABYTE, bench.seed))
      const taken = { outcome: 'all bytes taken, since the connection is open', clause: 'E2' }
      await bench.waitFor('taking an image after the end of the restore', taken, sent)
      demand(
        bench.link.ended === undefined,
        'the link, before the proxy closes it',
        taken,
        `its ${bench.link.ended}`,
      )
      bench.closeLink()
      await bench.cleanExit('E2')
    },
  },
  {
    id: 'cache-finish-twice',
    clauses: ['E2'],
    role: 'cache',
    about:
      'The restore says that it is finished two times before the proxy closed, byte by byte the second time: the exit is 0 all the same.',
    async run(bench) {
      const again = await bench.connect()
      const finish = await bench.finishRestore()
      const { nullId, restoreFinish } = bench.names
      const frame = localImage.encode({
        snapshotId: nullId,
        name: restoreFinish,
        openMode: O_RDONLY,
      })
      await again.sendPieces(times(frame.length, (at) => frame.subarray(at, at + 1)))
      await Promise.all([finish, again].map(answered))
      bench.closeLink()
      await bench.cleanExit('E2')
    },
  },
  {
    id: 'cache-finish-beside-idle-clients',
    clauses: ['E2', 'L2'],
    role: 'cache',
    about:
      'Clients that have sent nothing, or half a header, stay connected when the restore is finished and the proxy has closed: they do not keep the cache, which exits with 0.',
    async run(bench) {
      const idle = [await bench.connect(), await bench.connect()]
      await idle[1]?.send(Buffer.from([20, 0, 0]))
      await bench.stillServes('L2')
      bench.closeLink()
      await bench.finishRestore()
      await bench.cleanExit('E2')
    },
  },
  {
    id: 'cache-finish-without-a-proxy',
    clauses: ['C4', 'E2'],
    role: 'cache',
    link: 'later',
    about:
      'The restore says that it is finished before any proxy has connected, which counts as an open connection: the cache takes the proxy, and exits with 0 when it closed.',
    async run(bench) {
      await answered(await bench.finishRestore())
      await bench.connectLink()
      const taken = { outcome: 'all bytes taken, since the connection is open', clause: 'C4' }
      await bench.waitFor(
        'taking an image',
        taken,
        bench.forward('1', 'late.img', someBytes(4 * MEGABYTE, bench.seed)),
      )
      demand(
        bench.link.ended === undefined,
        'the link, before the proxy closes it',
        taken,
        `its ${bench.link.ended}`,
      )
      bench.closeLink()
      await bench.cleanExit('E2')
    },
  },
  {
    id: 'cache-finish-names-are-images-elsewhere',
    clauses: ['D1', 'E2', 'S1'],
    role: 'cache',
    about:
      'The finish names of all dialects, and the name of the list, under an ordinary snapshot id are images: they are waited for and served, and the cache stays when the proxy closes.',
    async run(bench) {
      const names = ['RESTORE_FINISH', 'DUMP_FINISH', '', 'null', LIST]
      const waiters = await Promise.all(names.map((name) => bench.openRead('1', name)))
      for (const name of names) await bench.forward('1', name, Buffer.from(`image ${name}`))
      for (const [at, name] of names.entries())
        expectImage(
          await bench.answer(waiters[at] as Connection),
          Buffer.from(`image ${name}`),
          'D1',
        )
      bench.closeLink()
      for (const name of names) await bench.serves('1', name, Buffer.from(`image ${name}`), 'D1')
    },
  },
  {
    id: 'cache-other-names-are-no-finish',
    clauses: ['D1', 'E2'],
    role: 'cache',
    about:
      'Names close to the finish name, under the null id, are images that did not come: ENOENT. The finish name then ends it with 0.',
    async run(bench) {
      const { nullId, restoreFinish } = bench.names
      bench.closeLink()
      for (const name of [`${restoreFinish}x`, 'restore_finish', 'RESTORE', 'null'])
        expectMissing(
          await bench.read(nullId, name),
          'D1',
          `the answer to a read of ${JSON.stringify(name)}`,
        )
      await bench.finishRestore()
      await bench.cleanExit('D1')
    },
  },
  {
    id: 'cache-auto-finish-of-2019',
    clauses: ['D1', 'E2'],
    role: 'cache',
    dialects: ['auto'],
    about:
      'A CRIU of 2019 tells a cache that takes any dialect that its restore is finished: empty name, empty id. The exit is 0.',
    run: (bench) => finishedBy(bench, names2019),
  },
  {
    id: 'cache-auto-finish-of-2017',
    clauses: ['D1', 'E2'],
    role: 'cache',
    dialects: ['auto'],
    about:
      'A CRIU of 2017 tells a cache that takes any dialect that its restore is finished: RESTORE_FINISH of null. The exit is 0.',
    run: (bench) => finishedBy(bench, names2017),
  },
  {
    id: 'cache-finish-is-answered',
    clauses: ['D3', 'E2'],
    role: 'cache',
    dialects: ['criu-2017'],
    about:
      'The proxy has closed, and a CRIU of 2017 says that the restore is finished: it gets a reply, of any value, before the cache exits with 0.',
    async run(bench) {
      bench.closeLink()
      const finish = await bench.finishRestore()
      await finishReply(bench, finish)
      await bench.cleanExit('E2')
    },
  },
  {
    id: 'cache-finish-before-the-close-is-answered',
    clauses: ['D3', 'E2'],
    role: 'cache',
    dialects: ['criu-2017'],
    about:
      'A CRIU of 2017 says that the restore is finished while the proxy is connected, which then closes: it gets a reply, of any value, and the exit is 0.',
    async run(bench) {
      const finish = await bench.finishRestore()
      await answered(finish)
      bench.closeLink()
      await finishReply(bench, finish)
      await bench.cleanExit('E2')
    },
  },
]

/** Waits for the answer to a finish; at most for 300 ms, since it may as well come with the exit. A cache that exits too early ends it sooner. */
function answered(finish: Connection): Promise<unknown> {
  return Promise.race([finish.untilEnd(), new Promise((resolve) => setTimeout(resolve, 300))])
}

async function finishReply(bench: CacheBench, finish: Connection): Promise<void> {
  const permitted = { outcome: 'a reply, of any value', clause: 'D3' }
  const answer = await bench.waitFor(
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

async function finishedBy(bench: CacheBench, names: typeof names2017): Promise<void> {
  await bench.stillServes('D1')
  bench.closeLink()
  await bench.finishRestore(names)
  await bench.cleanExit('D1')
}
