import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { execa } from 'execa'
import t from 'tap'
import type { Results } from '../harness/conformance/result.ts'
import type { TraceEvent } from '../harness/conformance/trace.ts'
import { criuRemoteCommand } from '../harness/hosts/checkout.ts'
import { ENOENT, localImage, localReply } from '../proto/index.ts'
import { onRealCriu } from '../scenarios/real.ts'

/*
 * The subprocess that vanished between pre-dump and dump, and increments, on a kernel that tracks memory: in a guest where this
 * machine's does not. The program `vanish` has a child that ends between two pre-dumps, one that ends between the last
 * pre-dump and the dump, others that are born, and one that takes over a pid.
 */

const [node, ...main] = criuRemoteCommand(process.execPath) as [string, ...string[]]

/** 'At once', in ms, on a guest without KVM: nothing has to be waited for. */
const AT_ONCE = 2_000
const LENGTH = 4

await onRealCriu(async () => {
  const report = mkdtempSync(`${tmpdir()}/criu-remote-test-`)
  t.teardown(() => rmSync(report, { recursive: true }))
  const programs = ['vanish', 'tcp'].flatMap((name) => ['-t', `static/${name}`])
  const mode = ['--pre', '2', '--hosts', '2', '--kernel', 'auto', '--keep-going', '-p', '2', '--report', report]
  const { exitCode, stdout } = await execa(node, [...main, 'zdtm', 'run', ...programs, '-t', 'transition/writer', '-f', 'h,ns', ...mode], {
    reject: false,
  })

  await t.test('a migration in three steps is right, with increments that are some', async (t) => {
    t.equal(exitCode, 0, stdout)
    t.match(stdout, /reference: 6 pass/)
    const { cases } = results()
    for (const { id, about } of cases) t.match(about, /dump 3: \d+ pages written, [1-9]\d* left to the parent/, id)
  })

  for (const flavor of ['h', 'ns'])
    await t.test(`requests for images that never existed get ENOENT: vanish, ${flavor}`, async (t) => {
      const refused = refusals(results().cases.find(({ id }) => id === `zdtm-static-vanish-${flavor}`)?.trace ?? [])
      const atProxy = refused.filter(({ connection, image }) => connection.startsWith('proxy') && /^pagemap-\d+\.img$/.test(image.name))
      t.ok(atProxy.length > 0, 'the dump asks the parent for processes that it never had')
      t.same(
        atProxy.filter(({ image }) => image.snapshotId === '3'),
        [],
        'it is a parent that is asked',
      )
      for (const { image, waited } of atProxy) t.ok(waited < AT_ONCE, `${image.snapshotId}:${image.name} at once: ${waited} ms`)
      const atCache = refused.filter(({ connection, image }) => connection.startsWith('cache') && image.snapshotId !== 'null')
      t.ok(atCache.length > 0, 'the restore asks the cache for what never came')
      t.comment(
        [...atProxy, ...atCache].map(({ at, connection, image }) => `${at} ms ${connection} ${image.snapshotId}:${image.name}`).join('; '),
      )
    })

  function results(): Results {
    return JSON.parse(readFileSync(`${report}/results.json`, 'utf8')) as Results
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
    const [request, reply] = ['in', 'out'].map((direction) => events.find((each) => each.direction === direction))
    if (request?.hex === undefined || reply?.hex !== localReply.encode(ENOENT).toString('hex')) return []
    const image = localImage.decode(Buffer.from(request.hex, 'hex').subarray(LENGTH))
    return [{ connection, image, at: request.at, waited: reply.at - request.at }]
  })
}
