import Table from 'cli-table3'
import type { Measurement, Share } from './measure.ts'
import type { Spread } from './spread.ts'
import type { Judged } from './targets.ts'
import type { MountMeasurement } from './through-mount.ts'

/* The results as rows of text, for a terminal and for the page. */

export interface Rows {
  head: readonly string[]
  rows: readonly (readonly string[])[]
}

/** Bytes held from which on numbers by GiB and by the bytes held are shown; results.json has them all. */
const WORTH_A_RATIO = 2 ** 24

/** The measurements: medians, and in brackets the least and the most. */
export function measured(measurements: readonly Measurement[]): Rows {
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

/** What a stock CRIU needed. */
export function measuredMount(measurements: readonly MountMeasurement[]): Rows {
  return {
    head: ['load', 'images', 'dump, s', 'frozen, s', 'forward behind it, s', 'restore, s'],
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

/** What was asked of them. */
export function judged(targets: readonly Judged[]): Rows {
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

/** As a table for a terminal. */
export function describeRows({ head, rows }: Rows): string {
  const table = new Table({ head: [...head], style: { head: [], border: [], compact: true } })
  table.push(...rows.map((row) => [...row]))
  return table.toString()
}

function withSpread({ median, least, most }: Spread): string {
  return `${median.toFixed(2)} (${least.toFixed(2)}-${most.toFixed(2)})`
}

/** Of next to no bytes, the seconds for a GiB of them say nothing. */
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
