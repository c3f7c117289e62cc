import Table from 'cli-table3'
import type { Measurement, Share } from './measure.ts'
import type { Spread } from './spread.ts'
import type { JudgedTarget } from './targets.ts'
import type { MountMeasurement } from './through-mount.ts'

/* The results as rows of text, for the terminal and for the page. */

export interface Rows {
  head: readonly string[]
  rows: readonly (readonly string[])[]
}

/**
 * The least bytes held for which the table shows CPU time for a GiB and the ratio of peak to held
 * bytes. results.json has all numbers.
 */
const WORTH_A_RATIO = 2 ** 24

/** Returns the measurements: each median, and in brackets the least and the greatest value. */
export function measurementRows(measurements: readonly Measurement[]): Rows {
  return {
    head: [
      'load',
      'subject',
      'seconds',
      'x floor',
      'images/s',
      'CPU s/GiB, proxy',
      'cache',
      'peak, proxy',
      'cache',
      'open p50 us',
      'p99 us',
    ],
    rows: measurements.map(
      ({ load, subject, bytes, seconds, toFloor, imagesPerSecond, proxy, cache, open }) => [
        load,
        subject,
        withSpread(seconds),
        toFloor?.toFixed(2) ?? '',
        imagesPerSecond.toFixed(imagesPerSecond < 100 ? 1 : 0),
        describeCpu(proxy, bytes),
        describeCpu(cache, bytes),
        describePeak(proxy, bytes),
        describePeak(cache, bytes),
        open === undefined ? '' : (open.p50.median * 1e6).toFixed(0),
        open === undefined ? '' : (open.p99.median * 1e6).toFixed(0),
      ],
    ),
  }
}

/** Returns the times of dump and restore by a stock CRIU through the mount. */
export function mountRows(measurements: readonly MountMeasurement[]): Rows {
  return {
    head: ['load', 'images', 'dump, s', 'frozen, s', 'forward after it, s', 'restore, s'],
    rows: measurements.map(({ subject, dump, frozen, forward, restore }) => [
      'mount',
      subject,
      withSpread(dump),
      withSpread(frozen),
      forward === undefined ? '' : withSpread(forward),
      withSpread(restore),
    ]),
  }
}

/** Returns the targets with their limits and values. */
export function targetRows(targets: readonly JudgedTarget[]): Rows {
  return {
    head: ['load', 'subject', 'target', 'limit', 'value', ''],
    rows: targets.map(({ load, subject, target, limit, value, met }) => [
      load,
      subject,
      target,
      number(limit),
      number(value),
      met ? 'met' : 'not met',
    ]),
  }
}

/** Returns the rows as a table for a terminal. */
export function describeRows({ head, rows }: Rows): string {
  const table = new Table({ head: [...head], style: { head: [], border: [], compact: true } })
  table.push(...rows.map((row) => [...row]))
  return table.toString()
}

function withSpread({ median, least, most }: Spread): string {
  return `${median.toFixed(2)} (${least.toFixed(2)}-${most.toFixed(2)})`
}

/** Returns an empty text for a small load, where CPU time for a GiB means nothing. */
function describeCpu(share: Share | undefined, bytes: number): string {
  return share === undefined || bytes < WORTH_A_RATIO ? '' : withSpread(share.cpuPerGib)
}

function describePeak(share: Share | undefined, bytes: number): string {
  if (share === undefined) return ''
  const ratio = bytes < WORTH_A_RATIO ? '' : `, ${share.peakToHeld.toFixed(2)} x`
  return `${(share.peak.median / 1e6).toFixed(0)} MB${ratio}`
}

function number(value: number): string {
  return value.toFixed(value < 100 ? 2 : 0)
}
