import t from 'tap'
import type { CaseResult } from '../harness/conformance/result.ts'
import type { TraceEvent } from '../harness/conformance/trace.ts'
import { onRealCriu } from '../harness/testing/real-criu.ts'
import { leaveToAll, tier } from '../harness/testing/tier.ts'
import { onceEach, planned, runTests } from '../harness/testing/zdtm.ts'
import { ENOENT, localImage, localReply } from '../proto/index.ts'

/*
 * Migrations in three steps on a kernel that tracks memory: in a guest if this machine's does not.
 * In the usual tier each program runs in one flavor, on one host or two, another than in
 * zdtm.test.ts if it has another; in the tier `all`, each in every flavor, on one host and on two.
 *
 * The program `vanish` has processes that vanish between pre-dump and dump: a child that ends
 * between two pre-dumps, one that ends between the last pre-dump and the dump, others that are
 * born, and one that takes over a pid. It runs in all three flavors.
 */

/** Limit of a wait for an answer that has nothing to wait for, on a guest without KVM, in ms. */
const AT_ONCE = 2_000
/** Bytes of a frame's length prefix. */
const PREFIX = 4

await onRealCriu(async () => {
  // Before the first test: tap ends when it awaits anything but tests after the first.
  const every = await planned('-a')
  const selected = tier === 'all' ? { '1': every, '2': every } : onceEach(every, 1)
  const cases: CaseResult[] = []

  await t.test('there are at least 41 programs in 115 flavors', async (t) => {
    t.ok(every.length >= 115)
    t.ok(new Set(every.map((line) => line.split(' ')[0])).size >= 41)
    const run = selected['1'].length + selected['2'].length
    const left = every.length * 2 - run
    leaveToAll(t, left, 'programs in other flavors or numbers of hosts, with pre-dumps')
  })

  for (const hosts of ['1', '2'] as const)
    await t.test(`each dump after the first is an increment: hosts ${hosts}`, async (t) => {
      const tests = selected[hosts]
      const run = await runTests(tests, '--hosts', hosts, '--pre', '2', '--kernel', 'auto')
      t.equal(run.exitCode, 0, run.said)
      t.equal(run.passed.length, tests.length, 'each test passes')
      for (const { id, about } of run.cases)
        t.match(about, /dump 3: \d+ pages written, [1-9]\d* left to the parent/, id)
      cases.push(...run.cases)
    })

  for (const flavor of ['h', 'ns', 'uns'])
    await t.test(
      `a request for an image that never existed gets ENOENT: vanish, ${flavor}`,
      async (t) => {
        const id = `zdtm-static-vanish-${flavor}`
        const refused = refusals(cases.findLast((each) => each.id === id)?.trace ?? [])
        const atProxy = refused.filter(
          ({ connection, image }) =>
            connection.startsWith('proxy') && /^pagemap-\d+\.img$/.test(image.name),
        )
        t.ok(atProxy.length > 0, 'the dump asks the parent for processes that it never had')
        const toLast = atProxy.filter(({ image }) => image.snapshotId === '3')
        t.same(toLast, [], 'only parents are asked')
        for (const { image, waited } of atProxy)
          t.ok(waited < AT_ONCE, `${image.snapshotId}:${image.name} at once: ${waited} ms`)
        const atCache = refused.filter(
          ({ connection, image }) => connection.startsWith('cache') && image.snapshotId !== 'null',
        )
        t.ok(atCache.length > 0, 'the restore asks the cache for images that never came')
        t.comment([...atProxy, ...atCache].map(describe).join('; '))
      },
    )
})

interface Refusal {
  connection: string
  image: { snapshotId: string; name: string }
  at: number
  /** Milliseconds from the request to the answer. */
  waited: number
}

function describe({ at, connection, image }: Refusal): string {
  return `${at} ms ${connection} ${image.snapshotId}:${image.name}`
}

/** Returns the reads that got ENOENT, as seen on the wire. */
function refusals(trace: readonly TraceEvent[]): Refusal[] {
  const connections = Map.groupBy(
    trace.filter(({ kind }) => kind === 'bytes'),
    ({ connection }) => connection,
  )
  return [...connections].flatMap(([connection, events]) => {
    const [request, reply] = ['in', 'out'].map((direction) =>
      events.find((each) => each.direction === direction),
    )
    if (request?.hex === undefined || reply?.hex !== localReply.encode(ENOENT).toString('hex'))
      return []
    const image = localImage.decode(Buffer.from(request.hex, 'hex').subarray(PREFIX))
    return [{ connection, image, at: request.at, waited: Math.round(reply.at - request.at) }]
  })
}
