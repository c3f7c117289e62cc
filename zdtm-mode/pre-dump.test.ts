import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { execa } from 'execa'
import t from 'tap'
import type { CaseResult, Results } from '../harness/conformance/result.ts'
import type { TraceEvent } from '../harness/conformance/trace.ts'
import { hasFeature } from '../harness/criu/criu.ts'
import { criuRemoteCommand } from '../harness/hosts/checkout.ts'
import { ENOENT, localImage, localReply } from '../proto/index.ts'
import { onRealCriu } from '../scenarios/real.ts'

/*
 * Migrations in three steps, on a kernel that tracks memory: in a guest where this machine's does not. One of the programs is `vanish`,
 * the subprocess that vanished between pre-dump and dump: it has a child that ends between two pre-dumps, one that ends between the last
 * pre-dump and the dump, others that are born, and one that takes over a pid.
 *
 * All programs in all flavors between one host and two are two hundred tests: minutes on a kernel of the machine or under KVM, an hour
 * and more in a guest whose processor is emulated. There those are run whose memory or processes a pre-dump has to do with, and those that the
 * machine's own kernel may not be able to dump, each in one of its flavors in turn, and `vanish` in all; what is left out is a skip, with the
 * command that runs it.
 */

const [node, ...main] = criuRemoteCommand(process.execPath) as [string, ...string[]]
const zdtm = (...parameters: string[]) => execa(node, [...main, 'zdtm', 'run', ...parameters], { reject: false })

/** 'At once', in ms, on a guest without KVM: nothing has to be waited for. */
const AT_ONCE = 2_000
const LENGTH = 4
/** With how many hosts a flavor is run where not all can be. */
const HOSTS: Record<string, '1' | '2'> = { h: '2', ns: '1', uns: '2' }
const CONCERNED = /\/(cow|maps|mem_\w+|memfd|shm_anon|sysv_shm|threads|tree|zombies|tcp|tcp_listen|udp)$|\/transition\//
const VANISH = 'zdtm/static/vanish'

interface Planned {
  name: string
  flavor: string
  hosts: '1' | '2'
}

await onRealCriu(async ({ source }) => {
  const fast = (await hasFeature(source, 'criu', 'mem_dirty_track')) || existsSync('/dev/kvm')
  const { stdout: names } = await zdtm('-a', '--dry-run')
  const all = names.split('\n').flatMap((line): Planned[] => {
    const [name = '', flavor = ''] = line.split(' ')
    return (['1', '2'] as const).map((hosts) => ({ name, flavor, hosts }))
  })
  const wanted = fast
    ? all
    : all.filter(
        ({ name, flavor, hosts }) => hosts === HOSTS[flavor] && (name === VANISH || (CONCERNED.test(name) && isInTurn(all, name, flavor))),
      )
  const cases: CaseResult[] = []

  for (const [mode, tests] of Map.groupBy(wanted, ({ flavor, hosts }) => `${flavor} ${hosts}`))
    await t.test(`dumps in three steps are right, with increments that are some: flavor and hosts ${mode}`, async (t) => {
      const { exitCode, said, passed } = await runAll(tests)
      t.equal(exitCode, 0, said)
      t.equal(passed.length, tests.length)
      for (const { id, about } of passed) t.match(about, /dump 3: \d+ pages written, [1-9]\d* left to the parent/, id)
    })

  const command = 'criu-remote zdtm run -a --pre 2 --keep-going -p 2, with --hosts 1 and with --hosts 2'
  if (!fast) {
    const skip = `an hour without soft-dirty and KVM: ${command}`
    await t.test(`${all.length - wanted.length} others of ${all.length}`, { skip }, async () => {})
  }

  for (const flavor of ['h', 'ns', 'uns'])
    await t.test(`requests for images that never existed get ENOENT: vanish, ${flavor}`, async (t) => {
      const refused = refusals(cases.find(({ id }) => id === `zdtm-static-vanish-${flavor}`)?.trace ?? [])
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

  /** Runs tests of one flavor and number of hosts. */
  async function runAll(tests: readonly Planned[]): Promise<{ exitCode?: number | undefined; said: string; passed: CaseResult[] }> {
    const [{ flavor, hosts }] = tests as [Planned]
    const report = mkdtempSync(`${tmpdir()}/criu-remote-test-`)
    try {
      const programs = tests.flatMap(({ name }) => ['-t', name])
      const mode = ['--pre', '2', '--hosts', hosts, '--kernel', 'auto', '--keep-going', '-p', '2', '--report', report]
      const { exitCode, stdout, stderr } = await zdtm(...programs, '-f', flavor, ...mode)
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

/** Whether it is the flavor in which the program is run, where it can't be in all. */
function isInTurn(all: readonly Planned[], name: string, flavor: string): boolean {
  const flavors = all.filter((each) => each.name === name && each.hosts === HOSTS[each.flavor]).map((each) => each.flavor)
  const turn = [...new Set(all.map((each) => each.name))].indexOf(name)
  return flavors[turn % flavors.length] === flavor
}

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
