import Table from 'cli-table3'
import type { Measurement, Share } from './bench.ts'
import type { Spread } from './spread.ts'

/** The measurements as a table for a terminal: medians, and in brackets the least and the most. */
export function describeMeasurements(measurements: readonly Measurement[]): string {
  const table = new Table({
    head: ['load', 'subject', 'seconds', 'x floor', 'images/s', 'proxy CPU s/GiB', 'cache CPU s/GiB', 'proxy peak', 'cache peak'],
    style: { head: [], border: [] },
  })
  for (const each of measurements) {
    const { load, subject, seconds, toFloor, imagesPerSecond, proxy, cache } = each
    table.push([
      load,
      subject,
      withSpread(seconds),
      toFloor.toFixed(2),
      imagesPerSecond.toFixed(imagesPerSecond < 100 ? 1 : 0),
      proxy === undefined ? '' : withSpread(proxy.cpuPerGib),
      cache === undefined ? '' : withSpread(cache.cpuPerGib),
      describePeak(proxy),
      describePeak(cache),
    ])
  }
  return table.toString()
}

function withSpread({ median, least, most }: Spread): string {
  return `${median.toFixed(2)} (${least.toFixed(2)}-${most.toFixed(2)})`
}

function describePeak(share: Share | undefined): string {
  return share === undefined ? '' : `${(share.peak.median / 1e6).toFixed(0)} MB, ${share.peakToHeld.toFixed(2)} x`
}
