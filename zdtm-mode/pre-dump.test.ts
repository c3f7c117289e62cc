import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import t from 'tap'
import type { CaseResult, Results } from '../harness/conformance/result.ts'
import type { TraceEvent } from '../harness/conformance/trace.ts'
import { hasFeature } from '../harness/criu/criu.ts'
import { ENOENT, localImage, localReply } from '../proto/index.ts'
import { onRealCriu } from '../scenarios/real.ts'
import { zdtm } from './testing.ts'

/*
 * Migrations in three steps, on a kernel that tracks memory: in a guest where this machine's does not. One of the programs is `vanish`,
 * the subprocess that vanished between pre-dump and dump: it has a child that ends between two pre-dumps, one that ends between the last
 * pre-dump and the dump, others that are born, and one that takes over a pid.
 *
 * All programs in all flavors on one host and between two are two hundred tests: minutes on a kernel of the machine or under KVM, half an
 * hour in a guest whose processor is emulated. There each program is run in all its flavors, every other one on one host and the rest
 * between two, and `vanish` on both; what is left out is a skip, with the command that runs it.
 */

/** 'At once', in ms, on a guest without KVM: nothing has to be waited for. */
const AT_ONCE = 2_000
const LENGTH = 4
const VANISH = 'zdtm/static/vanish'
const ALL_HOSTS = ['1', '2'] as const

await onRealCriu(async ({ source }) => {
  const fast = (await hasFeature(source, 'criu', 'mem_dirty_track')) || existsSync('/dev/kvm')
  const { stdout: listed } = await zdtm('-a', '--dry-run')
  const all = listed.split('\n').map((line) => line.split(' ')[0] as string)
  const names = [...new Set(all)]
  const isWanted = (name: string, hosts: '1' | '2') => fast || name === VANISH || String(1 + (names.indexOf(name) % 2)) === hosts
  const cases: CaseResult[] = []

  for (const hosts of ALL_HOSTS)
    await t.test(`dumps in three steps are right, with increments that are some: hosts ${hosts}`, async (t) => {
      const wanted = names.filter((name) => isWanted(name, hosts))
      const { exitCode, said, passed } = await runAll(wanted, hosts)
      t.equal(exitCode, 0, said)
      t.equal(passed.length, all.filter((name) => wanted.includes(name)).length)
      for (const { id, about } of passed) t.match(about, /dump 3: \d+ pages written, [1-9]\d* left to the parent/, id)
    })

  const left = ALL_HOSTS.flatMap((hosts) => all.filter((name) => !isWanted(name, hosts)))
  if (left.length > 0) {
    const command = 'criu-remote zdtm run -a --pre 2 --keep-going -p 2, with --hosts 1 and with --hosts 2'
    const skip = `half an hour without soft-dirty and KVM: ${command}`
    await t.test(`${left.length} others of ${2 * all.length}`, { skip }, async () => {})
  }

  for (const flavor of ['h', 'ns', 'uns'])
    await t.test(`requests for images that never existed get ENOENT: vanish, ${flavor}`, async (t) => {
      const refused = refusals(cases.findLast(({ id }) => id === `zdtm-static-vanish-${flavor}`)?.trace ?? [])
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

  async function runAll(tests: readonly string[], hosts: '1' | '2') {
    const report = mkdtempSync(`${tmpdir()}/criu-remote-test-`)
    try {
      const mode = ['--pre', '2', '--hosts', hosts, '--kernel', 'auto', '--keep-going', '-p', '2', '--report', report]
      const { exitCode, stdout, stderr } = await zdtm(...tests.flatMap((name) => ['-t', name]), ...mode)
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
    const [request, reply] = ['in', 'out'].map((direction) => events.find((each) => each.direction === direction))
    if (request?.hex === undefined || reply?.hex !== localReply.encode(ENOENT).toString('hex')) return []
    const image = localImage.decode(Buffer.from(request.hex, 'hex').subarray(LENGTH))
    return [{ connection, image, at: request.at, waited: reply.at - request.at }]
  })
}
