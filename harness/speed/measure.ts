import type { Host } from '../hosts/host.ts'
import type { Descriptor } from '../implementation/descriptor.ts'
import { bytesHeld, type Load } from './loads.ts'
import { buildPrograms } from './programs.ts'
import { type Run, runFloor, runImplementation } from './run-load.ts'
import { type Spread, spreadOf } from './spread.ts'

/*
 * Measures implementations and the floor. The floor (harness/native/floor.c) is the least that a
 * proxy and a cache can cost on this machine.
 *
 * A subject is the floor or an implementation. Subjects and loads take turns in every repeat, so
 * other work on the machine slows all of them alike. Comparisons use the medians of one
 * measurement.
 */

export interface MeasureOptions {
  host: Host
  loads: readonly Load[]
  descriptors: readonly Descriptor[]
  repeat: number
  /** Called before each run. */
  onRun?: (run: { load: string; subject: string; repeat: number }) => void
}

export interface Measurement {
  load: string
  about: string
  images: number
  bytes: number
  /** `floor` or the name of an implementation. */
  subject: string
  seconds: Spread
  /** Median time divided by the floor's median time; absent for a load without a floor. */
  toFloor?: number
  imagesPerSecond: number
  proxy?: Share
  cache?: Share
  /** Seconds from the connect of a reader to the last byte. */
  open?: { p50: Spread; p99: Spread }
}

/** Cost of one daemon. */
export interface Share {
  /** Seconds of processor time for each GiB held. */
  cpuPerGib: Spread
  /** Peak memory, in bytes. */
  peak: Spread
  /** Median peak memory divided by the bytes held. */
  peakToHeld: number
}

export const FLOOR = 'floor'
const GIB = 1024 ** 3

type Subjects = ReadonlyMap<string, (load: Load) => Promise<Run>>

/** Runs every load with every subject, `repeat` times. Throws HostError if a run fails. */
export async function measure(options: MeasureOptions): Promise<Measurement[]> {
  const { loads, repeat, onRun } = options
  const subjects = await prepareSubjects(options)
  const runs = new Map(loads.map((load) => [load, new Map<string, Run[]>()]))
  for (let turn = 1; turn <= repeat; turn++) {
    for (const [load, ofLoad] of runs) {
      for (const [subject, run] of subjects) {
        if (subject === FLOOR && !hasFloor(load)) continue
        onRun?.({ load: load.name, subject, repeat: turn })
        ofLoad.set(subject, [...(ofLoad.get(subject) ?? []), await run(load)])
      }
    }
  }
  return [...runs].flatMap(([load, ofLoad]) => summarise(load, ofLoad))
}

/** Returns one function for each subject that runs a load. Compiles the programs first. */
async function prepareSubjects({ host, descriptors }: MeasureOptions): Promise<Subjects> {
  const programs = await buildPrograms(host)
  return new Map([
    [FLOOR, (load: Load) => runFloor(host, programs, load)],
    ...descriptors.map(
      (each) => [each.name, (load: Load) => runImplementation(host, programs, load, each)] as const,
    ),
  ])
}

/**
 * Returns whether the floor runs the load. An append and an open move too few bytes for a
 * comparison with the floor; they are compared with other implementations.
 */
function hasFloor({ kind }: Load): boolean {
  return kind === 'transfer'
}

/** Returns one measurement for each subject that ran the load. */
function summarise(load: Load, runs: ReadonlyMap<string, readonly Run[]>): Measurement[] {
  const times = new Map(
    [...runs].map(([subject, each]) => [subject, spreadOf(each.map(({ seconds }) => seconds))]),
  )
  const floor = times.get(FLOOR)?.median
  return [...runs].map(([subject, each]) => {
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
      ...openTimes(each),
    }
  })
}

function openTimes(runs: readonly Run[]): Pick<Measurement, 'open'> {
  const times = runs.flatMap(({ open }) => open ?? [])
  if (times.length === 0) return {}
  return {
    open: {
      p50: spreadOf(times.map(({ p50 }) => p50)),
      p99: spreadOf(times.map(({ p99 }) => p99)),
    },
  }
}

function shares(load: Load, runs: readonly Run[]): Pick<Measurement, 'proxy' | 'cache'> {
  const of = (role: 'proxy' | 'cache') => {
    const usages = runs.flatMap((run) => run[role] ?? [])
    if (usages.length === 0) return {}
    const peak = spreadOf(usages.map((usage) => usage.peak))
    const cpuPerGib = spreadOf(usages.map(({ cpu }) => (cpu * GIB) / bytesHeld(load)))
    return { [role]: { cpuPerGib, peak, peakToHeld: peak.median / bytesHeld(load) } }
  }
  return { ...of('proxy'), ...of('cache') }
}
