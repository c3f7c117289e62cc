import { decodeDumpStatistics } from '../../proto/criu-images.ts'
import { breakpointsFire } from '../criu/breakpoints.ts'
import { criu } from '../criu/criu.ts'
import { checkout } from '../hosts/checkout.ts'
import { type Host, HostError, output, shell } from '../hosts/host.ts'
import type { Descriptor } from '../implementation/descriptor.ts'
import { Migration } from '../migration/migration.ts'
import { startTargetProcess } from '../migration/target-process.ts'
import { type Spread, spreadOf } from './spread.ts'

/*
 * Measures the path of a user of a stock CRIU: dump and restore of a process with much random
 * memory, through mounts, proxy and cache. The same CRIU with its images on a tmpfs of the same
 * host is the comparison. After each restore the process checks all its memory.
 */

export interface MountBenchOptions {
  /** A privileged host with CRIU and gcc. */
  host: Host
  descriptor: Descriptor
  mebibytes: number
  repeat: number
  /** Called before each run. */
  onRun?: (run: { load: string; subject: string; repeat: number }) => void
}

/** Times of one subject, in seconds. */
export interface MountMeasurement {
  subject: string
  dump: Spread
  /** How long the process was frozen, from CRIU's statistics. */
  frozen: Spread
  /** Time from the end of the dump to the proxy's exit, after which every image is forwarded. */
  forward?: Spread
  restore: Spread
}

interface Times {
  dump: number
  frozen: number
  forward?: number
  restore: number
}

/** The subject with images on a tmpfs. */
export const TMPFS = 'tmpfs'
const CRIU = 'criu'
/** Deadline of one criu run and of one check of memory, in ms. */
const TIMEOUT = 300_000
/** Ticks in which the target process checks its whole memory: it checks a 64th at each tick. */
const SLICES = 64

/** Measures dump and restore with both subjects, `repeat` times. Throws HostError or CriuError. */
export async function measureMount({
  host,
  descriptor,
  mebibytes,
  repeat,
  onRun,
}: MountBenchOptions): Promise<MountMeasurement[]> {
  await shell(host, 'gcc -O2 -o /run/counter "$1"', [`${checkout}/fixtures/programs/counter.c`])
  // The first call tries a breakpoint, so it must not be part of a dump that is timed.
  await breakpointsFire(host)
  const subjects = new Map<string, (pid: number) => Promise<Times>>([
    [TMPFS, (pid) => measureOnTmpfs(host, pid)],
    [descriptor.name, (pid) => measureThroughMount(host, descriptor, pid)],
  ])
  const times = new Map<string, Times[]>([...subjects.keys()].map((subject) => [subject, []]))
  for (let turn = 1; turn <= repeat; turn++) {
    for (const [subject, run] of subjects) {
      onRun?.({ load: 'mount', subject, repeat: turn })
      times.get(subject)?.push(await withProcess(host, mebibytes, run))
    }
  }
  return [...times].map(([subject, each]) => summarise(subject, each))
}

/** Starts the target process, runs dump and restore, then waits until it has checked its memory. */
async function withProcess(
  host: Host,
  mebibytes: number,
  run: (pid: number) => Promise<Times>,
): Promise<Times> {
  const status = `${await host.directory()}/status`
  const pid = await startTargetProcess(host, ['/run/counter', status, String(mebibytes)])
  try {
    const before = await awaitCount(host, status, 1)
    const times = await run(pid)
    await awaitCount(host, status, before + 2 * SLICES)
    return times
  } finally {
    await shell(host, 'kill -9 "$1"; while kill -0 "$1" 2>/dev/null; do sleep 0.01; done', [
      String(pid),
    ]).catch(() => {})
  }
}

/** Waits for the count; returns the count reached. Throws HostError if the memory has changed. */
async function awaitCount(host: Host, status: string, count: number): Promise<number> {
  const script =
    'until read -r _ count verdict <"$1" && [ "$count" -ge "$2" ]; do sleep 0.02; done 2>/dev/null; echo "$count $verdict"'
  const [reached, verdict] = (
    await shell(host, script, [status, String(count)], { timeout: TIMEOUT })
  )
    .trim()
    .split(' ')
  if (verdict !== 'ok')
    throw new HostError(`checking the memory of the process: expected ok, got ${verdict}`)
  return Number(reached)
}

async function measureOnTmpfs(host: Host, pid: number): Promise<Times> {
  const [images, work] = [await host.directory(), await host.directory()]
  const common = { host, criu: CRIU, images, work, timeout: TIMEOUT }
  const dump = await timed(() => criu('dump', { ...common, options: ['-t', String(pid)] }))
  const restore = await timed(() => criu('restore', { ...common, options: ['--restore-detached'] }))
  const frozen = await frozenTime(host, work)
  await shell(host, 'rm -rf "$1"', [images])
  return { dump, frozen, restore }
}

async function measureThroughMount(
  host: Host,
  descriptor: Descriptor,
  pid: number,
): Promise<Times> {
  const migration = await Migration.start({
    source: host,
    destination: host,
    descriptor,
    criu: CRIU,
  })
  try {
    const dump = await timed(() => migration.dump(pid, { gate: false }))
    const frozen = await frozenTime(host, migration.source.work)
    const forward = await timed(() => migration.finishDump())
    const restore = await timed(() => migration.restore())
    await migration.finishRestore()
    return { dump, frozen, forward, restore }
  } finally {
    await migration.stop()
  }
}

/** Returns how long the dump froze the process, in seconds, from CRIU's stats-dump file. */
async function frozenTime(host: Host, work: string): Promise<number> {
  const statistics = await output(host, ['base64', '-w0', `${work}/stats-dump`])
  return decodeDumpStatistics(Buffer.from(statistics, 'base64')).frozen
}

/** Returns how long the work takes, in seconds. */
async function timed(work: () => Promise<unknown>): Promise<number> {
  const begin = performance.now()
  await work()
  return (performance.now() - begin) / 1000
}

function summarise(subject: string, times: readonly Times[]): MountMeasurement {
  const of = (name: 'dump' | 'frozen' | 'restore') => spreadOf(times.map((each) => each[name]))
  const forward = times.flatMap((each) => each.forward ?? [])
  return {
    subject,
    dump: of('dump'),
    frozen: of('frozen'),
    restore: of('restore'),
    ...(forward.length > 0 && { forward: spreadOf(forward) }),
  }
}
