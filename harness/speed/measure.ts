import type { Host } from '../hosts/host.ts'
import type { Descriptor } from '../implementation/descriptor.ts'
import { bytesHeld, type Load } from './loads.ts'
import { buildPrograms } from './programs.ts'
import { type Run, runFloor, runImplementation } from './run-load.ts'
import { type Spread, spread } from './spread.ts'

/*
 * Measures implementations beside each other and beside the floor. Repeats are interleaved, and so are the loads, since a
 * machine that does something else for a while must not make one of them look slower; what is compared are the medians of one
 * such run.
 */

export interface MeasureOptions {
  host: Host
  loads: readonly Load[]
  descriptors: readonly Descriptor[]
  repeat: number
  /** Called before each run. */
  onRun?: (what: { load: string; subject: string; repeat: number }) => void
}

export interface Measurement {
  load: string
  about: string
  images: number
  bytes: number
  /** `floor`, or the name of an implementation. */
  subject: string
  seconds: Spread
  /** Median time by that of the floor, where there is one. */
  toFloor?: number
  imagesPerSecond: number
  proxy?: Share
  cache?: Share
  /** Seconds from the connect of a reader to the last byte. */
  open?: { p50: Spread; p99: Spread }
}

/** One process of the two. */
export interface Share {
  cpuPerGib: Spread
  /** Most memory by the bytes held. */
  peak: Spread
  peakToHeld: number
}

export const FLOOR = 'floor'
const GIB = 1024 ** 3

export async function measure({
  host,
  loads,
  descriptors,
  repeat,
  onRun,
}: MeasureOptions): Promise<Measurement[]> {
  const programs = await buildPrograms(host)
  const subjects = new Map<string, (load: Load) => Promise<Run>>([
    [FLOOR, (load) => runFloor(host, programs, load)],
  ])
  for (const each of descriptors)
    subjects.set(each.name, (load) => runImplementation(host, programs, load, each))
  const runs = new Map(
    loads.map((load) => [
      load,
      new Map<string, Run[]>([...subjects.keys()].map((subject) => [subject, []])),
    ]),
  )
  for (let turn = 1; turn <= repeat; turn++) {
    for (const [load, ofLoad] of runs) {
      for (const [subject, run] of subjects) {
        if (subject === FLOOR && !hasFloor(load)) continue
        onRun?.({ load: load.name, subject, repeat: turn })
        ofLoad.get(subject)?.push(await run(load))
      }
    }
  }
  return [...runs].flatMap(([load, ofLoad]) => summarise(load, ofLoad))
}

/** Where bytes are moved. An append and an open are compared with others of their kind: alone they move next to nothing. */
function hasFloor({ kind }: Load): boolean {
  return kind === 'transfer'
}

function summarise(load: Load, runs: ReadonlyMap<string, readonly Run[]>): Measurement[] {
  const measured = [...runs].filter(([, each]) => each.length > 0)
  const times = new Map(
    measured.map(([subject, each]) => [subject, spread(each.map(({ seconds }) => seconds))]),
  )
  const floor = times.get(FLOOR)?.median
  return measured.map(([subject, each]) => {
    const seconds = times.get(subject) as Spread
    return {
      load: load.name,
      about: load.about,
      images: load.images,
      bytes: bytesHeld(load),
      subject,
      seconds,
      ...(floor !== undefined && { toFloor: seconds.median / floor }),
      imagesPerSecond: load.images / seconds.median,
      ...shares(load, each),
      ...opens(each),
    }
  })
}

function opens(runs: readonly Run[]): Pick<Measurement, 'open'> {
  const times = runs.flatMap(({ open }) => open ?? [])
  if (times.length === 0) return {}
  return {
    open: { p50: spread(times.map(({ p50 }) => p50)), p99: spread(times.map(({ p99 }) => p99)) },
  }
}

function shares(load: Load, runs: readonly Run[]): Pick<Measurement, 'proxy' | 'cache'> {
  const of = (role: 'proxy' | 'cache') => {
    const usages = runs.flatMap((run) => run[role] ?? [])
    if (usages.length === 0) return {}
    const peak = spread(usages.map((usage) => usage.peak))
    const cpuPerGib = spread(usages.map(({ cpu }) => (cpu * GIB) / bytesHeld(load)))
    return { [role]: { cpuPerGib, peak, peakToHeld: peak.median / bytesHeld(load) } }
  }
  return { ...of('proxy'), ...of('cache') }
}
