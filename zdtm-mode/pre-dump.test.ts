import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import t from 'tap'
import type { CaseResult, Results } from '../harness/conformance/result.ts'
import type { TraceEvent } from '../harness/conformance/trace.ts'
import { hasFeature } from '../harness/criu/criu.ts'
import { onRealCriu } from '../harness/testing/real-criu.ts'
import { planned, zdtm } from '../harness/testing/zdtm.ts'
import { ENOENT, localImage, localReply } from '../proto/index.ts'

/*
 * Migrations in three steps, on a kernel that tracks memory: in a guest where this machine's does not. One of the programs is `vanish`,
 * the subprocess that vanished between pre-dump and dump: it has a child that ends between two pre-dumps, one that ends between the last
 * pre-dump and the dump, others that are born, and one that takes over a pid.
 *
 * Where the processor of the guest is emulated, flavor uns is run between two hosts only, and is a skip on one: all would take the tests
 * beyond what a run in CI may take.
 */

/** 'At once', in ms, on a guest without KVM: nothing has to be waited for. */
const AT_ONCE = 2_000
const LENGTH = 4

await onRealCriu(async ({ source }) => {
  const fast = (await hasFeature(source, 'criu', 'mem_dirty_track')) || existsSync('/dev/kvm')
  const flavorsWith = (hosts: string) => (fast || hosts === '2' ? 'h,ns,uns' : 'h,ns')
  // Before the first test: tap ends where it is waited for anything else than tests.
  const left = await planned('-a', '-f', 'uns')
  const cases: CaseResult[] = []

  for (const hosts of ['1', '2'])
    await t.test(
      `all programs in ${flavorsWith(hosts)}, dumped in three steps with increments that are some: hosts ${hosts}`,
      async (t) => {
        const names = await planned('-a', '-f', flavorsWith(hosts))
        t.ok(names.length >= 75)
        const { exitCode, said, passed } = await runAll(flavorsWith(hosts), hosts)
        t.equal(exitCode, 0, said)
        t.equal(passed.length, names.length, 'each test of each flavor')
        for (const { id, about } of passed)
          t.match(about, /dump 3: \d+ pages written, [1-9]\d* left to the parent/, id)
      },
    )

  if (!fast) {
    const command = 'criu-remote zdtm run -a -f uns --pre 2 --keep-going -p 2'
    await t.test(
      `${left.length} of flavor uns on one host`,
      { skip: `without soft-dirty and KVM all take longer than CI may: ${command}` },
      async () => {},
    )
  }

  for (const flavor of ['h', 'ns', 'uns'])
    await t.test(
      `requests for images that never existed get ENOENT: vanish, ${flavor}`,
      async (t) => {
        const refused = refusals(
          cases.findLast(({ id }) => id === `zdtm-static-vanish-${flavor}`)?.trace ?? [],
        )
        const atProxy = refused.filter(
          ({ connection, image }) =>
            connection.startsWith('proxy') && /^pagemap-\d+\.img$/.test(image.name),
        )
        t.ok(atProxy.length > 0, 'the dump asks the parent for processes that it never had')
        t.same(
          atProxy.filter(({ image }) => image.snapshotId === '3'),
          [],
          'it is a parent that is asked',
        )
        for (const { image, waited } of atProxy)
          t.ok(waited < AT_ONCE, `${image.snapshotId}:${image.name} at once: ${waited} ms`)
        const atCache = refused.filter(
          ({ connection, image }) => connection.startsWith('cache') && image.snapshotId !== 'null',
        )
        t.ok(atCache.length > 0, 'the restore asks the cache for what never came')
        t.comment(
          [...atProxy, ...atCache]
            .map(
              ({ at, connection, image }) =>
                `${at} ms ${connection} ${image.snapshotId}:${image.name}`,
            )
            .join('; '),
        )
      },
    )

  async function runAll(flavors: string, hosts: string) {
    const report = mkdtempSync(`${tmpdir()}/criu-remote-test-`)
    try {
      const mode = [
        '--pre',
        '2',
        '--hosts',
        hosts,
        '--kernel',
        'auto',
        '--keep-going',
        '-p',
        '2',
        '--report',
        report,
      ]
      const { exitCode, stdout, stderr } = await zdtm('-a', '-f', flavors, ...mode)
      const results = existsSync(`${report}/results.json`)
        ? (JSON.parse(readFileSync(`${report}/results.json`, 'utf8')) as Results).cases
        : []
      const passed = results.filter(({ outcome }) => outcome === 'pass')
      cases.push(...passed)
      return { exitCode, said: stdout + stderr, passed }
    } finally {
      rmSync(report, { recursive: true })
    }
  }
})

interface Refusal {
  connection: string
  image: { snapshotId: string; name: string }
  at: number
  /** Milliseconds from the request to the answer. */
  waited: number
}

/** Reads that were answered ENOENT, as the wire had them. */
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
    const image = localImage.decode(Buffer.from(request.hex, 'hex').subarray(LENGTH))
    return [{ connection, image, at: request.at, waited: reply.at - request.at }]
  })
}
