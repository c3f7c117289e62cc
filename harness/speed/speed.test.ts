import { readFileSync } from 'node:fs'
import t from 'tap'
import { checkout } from '../hosts/checkout.ts'
import { localHost } from '../hosts/local.ts'
import type { Descriptor } from '../implementation/descriptor.ts'
import { referenceDescriptor, startPair } from '../implementation/start.ts'
import { type Load, selectLoads } from './loads.ts'
import { measure } from './measure.ts'
import { resultPage } from './page.ts'
import { buildPrograms } from './programs.ts'
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

t.test('a transfer of 64 MiB needs few system calls', async (t) => {
  const programs = await buildPrograms(host)
  const { proxy, cache } = await startPair({
    source: host,
    destination: host,
    descriptor: referenceDescriptor(host),
  })
  const before = [proxy, cache].map(({ process }) => countsOf(process.pid))
  await runLoad(host, programs, ['transfer', proxy.socket, cache.socket, 1, 64 * 2 ** 20, 1, 1, 1])
  for (const [index, { process, role }] of [proxy, cache].entries()) {
    const { reads, writes, bytesRead } = countsOf(process.pid)
    const {
      reads: readsBefore = 0,
      writes: writesBefore = 0,
      bytesRead: bytesBefore = 0,
    } = before[index] ?? {}
    const [calls, gathered] = [reads - readsBefore, writes - writesBefore]
    t.comment(`${role}: ${calls} reads, ${gathered} writes for 64 MiB`)
    t.ok(bytesRead - bytesBefore < 66 * 2 ** 20, `the ${role} reads each byte once`)
    t.ok(gathered < 64 * 24, `the ${role} gathers its writes: at most 24 for a MiB`)
    t.ok(calls < 64 * 64, `the ${role} reads at least 16 KiB at once`)
  }
})

function countsOf(pid: number): { reads: number; writes: number; bytesRead: number } {
  const text = readFileSync(`/proc/${pid}/io`, 'latin1')
  const of = (name: string) => Number(new RegExp(`${name}: (\\d+)`).exec(text)?.[1])
  return { reads: of('syscr'), writes: of('syscw'), bytesRead: of('rchar') }
}
