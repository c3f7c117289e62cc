import { BarChart } from 'echarts/charts'
import { GridComponent, LegendComponent, TitleComponent } from 'echarts/components'
import { init, use } from 'echarts/core'
import { SVGRenderer } from 'echarts/renderers'
import { Html, html, page } from '../conformance/report/html.ts'
import type { Measurement } from './measure.ts'
import { measurementRows, mountRows, type Rows, targetRows } from './table.ts'
import type { JudgedTarget } from './targets.ts'
import type { MountMeasurement } from './through-mount.ts'

/* The results as one HTML page without external files: plots as SVG, then tables. */

use([BarChart, GridComponent, LegendComponent, TitleComponent, SVGRenderer])

/** Returns the page as HTML text. */
export function resultPage({ measurements, mount, targets }: Results): string {
  const plots = [
    plot('Seconds, median of the repeats', measurements, ({ seconds }) => seconds.median),
    plot('Time divided by the time of the floor', measurements, ({ toFloor }) => toFloor),
    plot(
      'CPU seconds per GiB, proxy and cache',
      ofLargeImages(measurements),
      ({ proxy, cache }) => proxy && cache && proxy.cpuPerGib.median + cache.cpuPerGib.median,
    ),
    plot(
      'Peak memory of the cache, MB',
      measurements,
      ({ cache }) => cache && cache.peak.median / 1e6,
    ),
    plot(
      'Open latency p50, microseconds',
      measurements,
      ({ open }) => open && open.p50.median * 1e6,
    ),
  ]
  return page(
    'criu-remote bench',
    html`<h1>criu-remote bench</h1>${plots}<h2>Targets</h2>${table(targetRows(targets))}<h2>Measurements</h2>${table(measurementRows(measurements))}${mount.length > 0 ? table(mountRows(mount)) : ''}`,
  )
}

/** The content of results.json. */
export interface Results {
  measurements: readonly Measurement[]
  mount: readonly MountMeasurement[]
  targets: readonly JudgedTarget[]
}

/** Returns the measurements of about a GiB; a smaller load gives no useful time for a GiB. */
function ofLargeImages(measurements: readonly Measurement[]): Measurement[] {
  return measurements.filter(({ load }) => load.endsWith('-large'))
}

/** Draws one group of bars for each load that has the value, with one bar for each subject. */
function plot(
  title: string,
  measurements: readonly Measurement[],
  pick: (measurement: Measurement) => number | undefined,
): Html {
  const shown = measurements.filter((each) => pick(each) !== undefined)
  if (shown.length === 0) return html``
  const loads = [...new Set(shown.map(({ load }) => load))]
  const subjects = [...new Set(shown.map(({ subject }) => subject))]
  const chart = init(null, null, { renderer: 'svg', ssr: true, width: 900, height: 300 })
  chart.setOption({
    animation: false,
    title: { text: title },
    legend: { data: subjects, top: 28 },
    grid: { top: 64, left: 60, right: 20, bottom: 30 },
    xAxis: { type: 'category', data: loads },
    yAxis: { type: 'value' },
    series: subjects.map((subject) => ({
      name: subject,
      type: 'bar',
      data: loads.map((load) => {
        const measurement = shown.find((each) => each.load === load && each.subject === subject)
        return measurement === undefined ? null : Number(pick(measurement)?.toPrecision(4))
      }),
      label: { show: true, position: 'top' },
    })),
  })
  const svg = chart.renderToSVGString()
  chart.dispose()
  return html`<div class="diagram">${new Html(svg)}</div>`
}

function table({ head, rows }: Rows): Html {
  return html`<table><tr>${head.map((cell) => html`<th>${cell}</th>`)}</tr>${rows.map((row) => html`<tr>${row.map((cell) => html`<td>${cell}</td>`)}</tr>`)}</table>`
}
