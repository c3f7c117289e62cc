import { readFileSync } from 'node:fs'
import t from 'tap'
import { checkout } from '../hosts/checkout.ts'
import { localHost } from '../hosts/local.ts'
import type { Descriptor } from '../implementation/descriptor.ts'
import { referenceDescriptor, startPair } from '../implementation/start.ts'
import { type Load, selectLoads } from './loads.ts'
import { measure } from './measure.ts'
import { resultPage } from './page.ts'
import { buildPrograms, type Programs } from './programs.ts'
import { runLoad } from './run-load.ts'
import { judgeTargets } from './targets.ts'

/* The tests assert bytes and counts, but no times: times on a shared machine prove nothing. */

const host = localHost()
t.teardown(() => host.stop())

t.test('every load transfers its bytes correctly, at a small scale', async (t) => {
  const loads = selectLoads([], 0.002)
  const measurements = await measure({
    host,
    loads,
    descriptors: [referenceDescriptor(host)],
    repeat: 1,
  })
  const ofReference = measurements.filter(({ subject }) => subject === 'reference')
  t.strictSame(
    ofReference.map(({ load }) => load),
    loads.map(({ name }) => name),
  )
  for (const { load, seconds, cache } of ofReference)
    t.ok(seconds.median > 0 && (cache?.peak.median ?? 0) > 0, load)
  const targets = judgeTargets(measurements)
  t.ok(targets.length > 10, 'targets are judged')
  t.match(resultPage({ measurements, mount: [], targets }), /<svg[\s\S]*one-large[\s\S]*<table>/)
})

t.test('a byte that an implementation loses ends the run', async (t) => {
  const command = [
    process.execPath,
    `${checkout}/harness/suite-check/run-mutant.ts`,
    'last-byte-lost',
  ]
  const reference = referenceDescriptor(host)
  const faulty: Descriptor = {
    ...reference,
    proxy: { command: [...command, 'proxy', '--socket', '{socket}', '--connect', '{host}:{port}'] },
    cache: { command: [...command, 'cache', '--socket', '{socket}', '--listen', '{host}:{port}'] },
  }
  const load: Load = {
    kind: 'transfer',
    name: 'pages',
    about: '',
    images: 8,
    size: 4096,
    writers: 1,
    readers: 1,
    reads: 1,
  }
  await t.rejects(measure({ host, loads: [load], descriptors: [faulty], repeat: 1 }), {
    message: /expected 4096 bytes, got 409/,
  })
})

/** Transfers whose least counts are judged: a busy machine cuts the streams into smaller pieces. */
const TRANSFERS = 3

t.test('a transfer of 64 MiB needs few system calls', async (t) => {
  const programs = await buildPrograms(host)
  const transfers: Record<'proxy' | 'cache', Counts>[] = []
  for (let turn = 0; turn < TRANSFERS; turn++) transfers.push(await countCalls(programs))
  for (const role of ['proxy', 'cache'] as const) {
    const least = (count: keyof Counts) => Math.min(...transfers.map((each) => each[role][count]))
    t.comment(`${role}: ${least('reads')} reads, ${least('writes')} writes for 64 MiB`)
    t.ok(least('bytesRead') < 66 * 2 ** 20, `the ${role} reads each byte once`)
    t.ok(least('writes') < 64 * 24, `the ${role} gathers its writes: at most 24 for a MiB`)
    t.ok(least('reads') < 64 * 64, `the ${role} reads at least 16 KiB at once`)
  }
})

interface Counts {
  reads: number
  writes: number
  bytesRead: number
}

/** Returns the system calls of a fresh proxy and cache for one image of 64 MiB. */
async function countCalls(programs: Programs): Promise<Record<'proxy' | 'cache', Counts>> {
  const descriptor = referenceDescriptor(host)
  const { proxy, cache } = await startPair({ source: host, destination: host, descriptor })
  const before = [countsOf(proxy.process.pid), countsOf(cache.process.pid)] as const
  await runLoad(host, programs, ['transfer', proxy.socket, cache.socket, 1, 64 * 2 ** 20, 1, 1, 1])
  const counts = {
    proxy: since(before[0], countsOf(proxy.process.pid)),
    cache: since(before[1], countsOf(cache.process.pid)),
  }
  await Promise.all([proxy, cache].map((daemon) => daemon.process.kill('SIGKILL')))
  return counts
}

function since(before: Counts, after: Counts): Counts {
  return {
    reads: after.reads - before.reads,
    writes: after.writes - before.writes,
    bytesRead: after.bytesRead - before.bytesRead,
  }
}

function countsOf(pid: number): Counts {
  const text = readFileSync(`/proc/${pid}/io`, 'latin1')
  const of = (name: string) => Number(new RegExp(`${name}: (\\d+)`).exec(text)?.[1])
  return { reads: of('syscr'), writes: of('syscw'), bytesRead: of('rchar') }
}
