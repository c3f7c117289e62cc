import { mkdir, writeFile } from 'node:fs/promises'
import { oneContainer } from '../../hosts/container.ts'
import { localHost } from '../../hosts/local.ts'
import { type Descriptor, readDescriptor } from '../../implementation/descriptor.ts'
import { referenceDescriptor } from '../../implementation/start.ts'
import { selectLoads, selectMount } from '../../speed/loads.ts'
import { measure } from '../../speed/measure.ts'
import { type Results, resultPage } from '../../speed/page.ts'
import { describeRows, measurementRows, mountRows, targetRows } from '../../speed/table.ts'
import { judgeMount, judgeTargets } from '../../speed/targets.ts'
import {
  type MountBenchOptions,
  type MountMeasurement,
  measureMount,
} from '../../speed/through-mount.ts'
import { fail } from '../failure.ts'
import { namedImplementation } from './given-implementation.ts'

/* `criu-remote bench`: measures, judges the targets, prints tables or JSON, writes the report. */

export interface BenchFlags {
  implementation?: string
  versus: string[]
  load: string[]
  repeat: number
  scale: number
  json?: true
  report?: string
}

export async function bench(flags: BenchFlags): Promise<void> {
  const { implementation, versus, load, repeat, scale } = flags
  const given = await namedImplementation(implementation)
  const others = await Promise.all(versus.map(readDescriptor)).catch(fail(2))
  const onRun = showRun(repeat)
  const host = localHost()
  const descriptors = [given ?? referenceDescriptor(host), ...others]
  const loads = selectLoads(load, scale)
  const measurements = await measure({ host, loads, descriptors, repeat, onRun })
    .finally(() => host.stop())
    .catch(fail(3))
  const mount = await measureMountIfPossible(flags, given, onRun)
  const targets = scale === 1 ? [...judgeTargets(measurements), ...judgeMount(mount)] : []
  await show({ measurements, mount, targets }, flags)
}

type OnRun = NonNullable<MountBenchOptions['onRun']>

const showRun =
  (repeats: number): OnRun =>
  ({ load, subject, repeat }) => {
    if (process.stderr.isTTY) process.stderr.write(`${load}, ${subject}, ${repeat} of ${repeats}\n`)
  }

/**
 * Measures dump and restore through the mount, in a container with the implementation as that host
 * runs it. Without containers a line says that the load is left out; if the user named the load,
 * bench fails.
 */
async function measureMountIfPossible(
  { load, scale, repeat }: BenchFlags,
  descriptor: Descriptor | undefined,
  onRun: OnRun,
): Promise<MountMeasurement[]> {
  const mebibytes = selectMount(load, scale)
  if (mebibytes === undefined) return []
  const host = await oneContainer().catch((thrown: Error) => thrown)
  if (host instanceof Error) {
    if (load.length > 0) return fail(3)(host)
    process.stderr.write(`the load mount was not run: ${host.message}\n`)
    return []
  }
  const options = { mebibytes, repeat, onRun, descriptor: descriptor ?? referenceDescriptor(host) }
  return measureMount({ ...options, host })
    .finally(() => host.stop())
    .catch(fail(3))
}

async function show(results: Results, { json, report }: BenchFlags): Promise<void> {
  if (report !== undefined) {
    await mkdir(report, { recursive: true })
    await writeFile(`${report}/results.json`, JSON.stringify(results, null, 2))
    await writeFile(`${report}/index.html`, resultPage(results))
  }
  const { measurements, mount, targets } = results
  const tables = [measurementRows(measurements), mountRows(mount), targetRows(targets)]
  const shown = tables.filter(({ rows }) => rows.length > 0).map(describeRows)
  process.stdout.write(`${json ? JSON.stringify(results, null, 2) : shown.join('\n')}\n`)
}
