import { MOUNT } from './loads.ts'
import { FLOOR, type Measurement } from './measure.ts'
import { type MountMeasurement, TMPFS } from './through-mount.ts'

/*
 * The targets of the reference. Each is judged by the medians of one measurement. At a scale below
 * 1 no target is judged, since the limits apply to the full loads.
 */

export interface JudgedTarget {
  load: string
  subject: string
  target: string
  limit: number
  value: number
  met: boolean
}

interface Target {
  loads: readonly string[]
  name: string
  /** The greatest value that meets the target; with `least`, the least value that does. */
  limit: (measurement: Measurement) => number
  least?: true
  value: (measurement: Measurement, all: readonly Measurement[]) => number | undefined
}

const MB = 1e6
const LARGE = ['one-large', 'many-large']
const MOVED = [...LARGE, 'many-small', 'many-readers', 'append', 'open-1000000']

const targets: readonly Target[] = [
  {
    loads: ['one-large'],
    name: 'time, by the time of the floor',
    limit: () => 1.3,
    value: ({ toFloor }) => toFloor,
  },
  {
    loads: ['many-large'],
    name: 'time, by the time of the floor',
    limit: () => 1,
    value: ({ toFloor }) => toFloor,
  },
  {
    loads: ['many-small'],
    name: 'images a second',
    limit: () => 5000,
    least: true,
    value: ({ imagesPerSecond }) => imagesPerSecond,
  },
  {
    loads: LARGE,
    name: 'CPU of the proxy, s/GiB',
    limit: () => 1.5,
    value: ({ proxy }) => proxy?.cpuPerGib.median,
  },
  {
    loads: LARGE,
    name: 'CPU of the cache, s/GiB',
    limit: () => 1.5,
    value: ({ cache }) => cache?.cpuPerGib.median,
  },
  {
    loads: MOVED,
    name: 'peak of the proxy, MB',
    limit: peakLimit,
    value: ({ proxy }) => proxy && proxy.peak.median / MB,
  },
  {
    loads: MOVED,
    name: 'peak of the cache, MB',
    limit: peakLimit,
    value: ({ cache }) => cache && cache.peak.median / MB,
  },
  {
    loads: ['open-1000000'],
    name: 'open, by its time among 100',
    limit: () => 2,
    value: openTimeRatio,
  },
]

/** Judges each measurement of an implementation by the targets of its load. */
export function judgeTargets(measurements: readonly Measurement[]): JudgedTarget[] {
  return measurements
    .filter(({ subject }) => subject !== FLOOR)
    .flatMap((measurement) =>
      targets
        .filter(({ loads }) => loads.includes(measurement.load))
        .flatMap(({ name, limit: limitFor, least, value: measure }) => {
          const [value, limit] = [measure(measurement, measurements), limitFor(measurement)]
          if (value === undefined) return []
          const met = least ? value >= limit : value <= limit
          return [
            {
              load: measurement.load,
              subject: measurement.subject,
              target: name,
              limit,
              value,
              met,
            },
          ]
        }),
    )
}

/** Judges dump and restore through the mount by their times with images on a tmpfs. */
export function judgeMount(measurements: readonly MountMeasurement[]): JudgedTarget[] {
  const tmpfs = measurements.find(({ subject }) => subject === TMPFS)
  return measurements
    .filter(({ subject }) => subject !== TMPFS)
    .flatMap((measurement) =>
      (['dump', 'restore'] as const).map((step) => {
        const value = measurement[step].median / (tmpfs?.[step].median ?? Number.NaN)
        return {
          load: MOUNT,
          subject: measurement.subject,
          target: `${step}, by its time on tmpfs`,
          limit: 2,
          value,
          met: value <= 2,
        }
      }),
    )
}

/** Returns the limit of peak memory in MB: the bytes held, a tenth more, and 80 MB. */
function peakLimit({ bytes }: Measurement): number {
  return (bytes * 1.1) / MB + 80
}

function openTimeRatio(
  { subject, open }: Measurement,
  all: readonly Measurement[],
): number | undefined {
  const least = all.find((each) => each.load === 'open-100' && each.subject === subject)?.open
  return open && least && open.p50.median / least.p50.median
}
