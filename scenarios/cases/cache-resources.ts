import {
  type CacheUnderTest,
  type Case,
  DiskWatch,
  demand,
  expectGivenBack,
  expectImage,
  expectMemoryGivenBack,
  header,
  inTens,
  type Kind,
  LeftoverWatch,
  MEGABYTE,
  O_WRONLY,
  SPARE,
  someBytes,
  times,
  untilFull,
} from '../../harness/conformance/index.ts'
import { leave, leaveAfter } from '../model/readers.ts'

/* Cases for the cache: its resources (R1 to R4). */

/** Connections of a case about their end. */
const MANY = 1_000
/** Waiters that leave together. */
const GROUP = 100
/** Open files of a daemon with a low limit. */
const FEW = 256
/** Clients at a daemon with a low limit. */
const CROWD = 400

export const cases: readonly Case[] = [
  {
    id: 'cache-thousand-connections-give-back',
    clauses: ['R1'],
    level: 'should',
    patience: 4,
    role: 'cache',
    about:
      'A thousand connections come after one another, ten at a time: reads, readers that leave half way, writes ' +
      '(which a cache refuses), half headers, wrong frames, and connections that send nothing. The ' +
      'cache then has no more descriptors, threads, processes or zombies than after ten, but for ' +
      `${SPARE}, which a runtime may add late.`,
    async run(cache) {
      await cache.forward('1', 'large.img', someBytes(MEGABYTE, cache.seed))
      const small = Buffer.from('a small image')
      await cache.forward('1', 'a.img', small)
      await expectGivenBack(cache, kindsAt(cache, small), MANY)
    },
  },
  {
    id: 'cache-replaced-images-give-back',
    clauses: ['R1'],
    level: 'should',
    patience: 4,
    role: 'cache',
    about:
      'An image of 1 MiB comes 104 times, each in place of the last. The resident memory of the ' +
      'cache grows by at most 48 MiB with the last 96, which is half of their bytes. A collector ' +
      'of garbage may let more wait, once, so only growth in a second round of 96 counts as well.',
    async run(cache) {
      const bytes = someBytes(MEGABYTE, cache.seed)
      await expectMemoryGivenBack(cache, async (count) => {
        for (const _ of times(count, () => 0)) await cache.forward('1', 'a.img', bytes)
        await cache.stillServes('C2')
      })
    },
  },
  {
    id: 'cache-waiters-that-leave-give-back',
    clauses: ['R1', 'C2'],
    level: 'should',
    role: 'cache',
    about:
      'A thousand readers wait for images that do not come, a hundred at a time, and leave while ' +
      'they wait. The cache then has no more descriptors, threads, processes or zombies than after ' +
      `ten of them, but for ${SPARE}, and still serves.`,
    async run(cache) {
      const kind: Kind = {
        name: 'leave while they wait',
        async run(count) {
          for (let left = count; left > 0; left -= GROUP) {
            const waiters = await Promise.all(
              times(Math.min(left, GROUP), (at) => cache.openRead('1', `${left}-${at}.img`)),
            )
            await cache.stillServes('C2')
            for (const { socket } of waiters) socket.destroy()
          }
        },
      }
      await expectGivenBack(cache, [kind], MANY)
      await cache.stillServes('C2')
    },
  },
  {
    id: 'cache-leaves-nothing',
    clauses: ['R2', 'E2'],
    level: 'should',
    role: 'cache',
    about:
      'A cache takes and serves an image of 2 MiB beside a client that sends half a header, and ' +
      'exits after the end of the link and of the restore. It leaves no process, no socket, ' +
      'nothing in TMPDIR, no segment of shared memory, nothing in a /dev/shm of its own (where the ' +
      'suite can make one), and no file with bytes of the image. A log is no leftover.',
    ownSharedMemory: true,
    async run(cache) {
      const bytes = someBytes(2 * MEGABYTE, cache.seed)
      await cache.forward('1', 'a.img', bytes)
      await cache.serves('1', 'a.img', bytes, 'C1')
      const idle = await cache.connect()
      await idle.send(Buffer.from([20, 0, 0]))
      const watch = new LeftoverWatch(cache)
      cache.closeLink()
      await cache.finishRestore()
      await cache.cleanExit()
      await watch.expectNothing(bytes)
    },
  },
  {
    id: 'cache-image-stays-off-disks',
    clauses: ['R3', 'C1'],
    role: 'cache',
    directoriesOnDisk: true,
    about:
      'The proxy forwards an image of 8 MiB. Half way, when it is served, and after the end of the ' +
      'link, every process of the cache is stopped. None of its open files on a disk, and no file ' +
      'in its directories, holds bytes of the image, and the kernel counts fewer written bytes ' +
      'than a quarter of the image.',
    async run(cache) {
      const bytes = someBytes(8 * MEGABYTE, cache.seed)
      const half = bytes.length / 2
      await cache.stillServes('C1')
      const watch = new DiskWatch(cache, bytes)
      const size = bytes.length
      await cache.link.send(header({ snapshotId: '1', name: 'a.img', openMode: O_WRONLY, size }))
      await cache.link.send(bytes.subarray(0, half))
      await watch.expectNone('half way through an image')
      await cache.link.send(bytes.subarray(half))
      await cache.serves('1', 'a.img', bytes, 'C1')
      await watch.expectNone('after an image was served')
      cache.closeLink()
      await cache.serves('1', 'a.img', bytes, 'C1')
      await watch.expectNone('after the end of the link')
    },
  },
  {
    id: 'cache-waiters-beyond-the-limit-of-descriptors',
    clauses: ['R4', 'C2'],
    level: 'should',
    role: 'cache',
    limits: { descriptors: FEW },
    about:
      `A cache may open ${FEW} files, and cannot raise that limit. ${CROWD} clients ask for ` +
      'one image before it comes. The cache takes as many as it can, and the others wait in the ' +
      'backlog. When the image comes, all are answered.',
    async run(cache) {
      const bytes = Buffer.from('awaited')
      await cache.stillServes('C2')
      let asked = 0
      const answers = times(CROWD, async () => {
        const reader = await cache.openRead('1', 'a.img')
        asked++
        return reader.answer()
      })
      await untilFull(() => asked, CROWD)
      await cache.forward('1', 'a.img', bytes)
      let answered = 0
      const count = (answer: Promise<unknown>) => answer.then(() => answered++)
      await cache.waitFor(
        `the answers to ${CROWD} readers of one image`,
        { outcome: `a reply and a close for each of ${CROWD} clients`, clause: 'R4' },
        Promise.all(answers.map(count)),
        () => `an answer for ${answered} of ${CROWD} clients`,
      )
      const all = await Promise.all(answers)
      const unanswered = all.filter(({ error }) => error === undefined)
      for (const [at, answer] of all.entries())
        if (answer.error === 0)
          expectImage(answer, bytes, 'R4', `the answer to reader ${at + 1} of ${CROWD}`)
      cache.closeLink()
      await cache.finishRestore()
      demand(
        unanswered.length === 0,
        `the answers to ${CROWD} readers of one image, which all connected`,
        { outcome: 'an answer for each', clause: 'R4' },
        `${unanswered.length} readers were dropped without a reply`,
      )
    },
  },
]

/** Returns the kinds of connections at a cache. Each ends before the next begins. */
function kindsAt(cache: CacheUnderTest, small: Buffer): Kind[] {
  return [
    inTens('read', () => cache.serves('1', 'a.img', small, 'C1')),
    inTens('leave half way in a read', () => leave(cache.openRead('1', 'large.img'))),
    inTens('write', () => leave(cache.openWrite('1', 'refused.img'))),
    inTens('leave after half a header', () => leaveAfter(cache, Buffer.from([20, 0, 0]))),
    inTens('send a wrong frame', () => leaveAfter(cache, Buffer.alloc(8, 0xff))),
    inTens('send nothing', () => leave(cache.connect())),
  ]
}
