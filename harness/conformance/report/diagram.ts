import type { TraceEvent } from '../trace.ts'
import { decodeEvent } from './decode.ts'
import { type Html, html } from './html.ts'

/** Number of arrows in a diagram; of a longer trace the part around the failure is shown. */
const ARROWS = 60
/** Number of arrows after the failure in such a part: the end of a trace is the tear-down. */
const AFTER = 15
const LEFT = 150
const COLUMN = 170
const ROW = 26
const TOP = 34

interface Arrow {
  at: number
  connection: string
  direction: 'in' | 'out'
  text: string
}

/**
 * Draws a trace as a sequence diagram: the implementation at the left, a line for each connection,
 * time downwards, and the time of the failure in ms. Consecutive pieces of one connection and
 * direction are one arrow.
 */
export function diagram(
  events: readonly TraceEvent[],
  implementation: string,
  failedAt = Number.POSITIVE_INFINITY,
): Html {
  const all = arrows(events)
  const before = all.filter(({ at }) => at <= failedAt).length
  const begin = Math.max(0, Math.min(before + AFTER, all.length) - ARROWS)
  const shown = all.slice(begin, begin + ARROWS)
  const connections = [...new Set(shown.map(({ connection }) => connection))]
  const width = LEFT + COLUMN * connections.length + 260
  const height = TOP + ROW * (shown.length + 1)
  const column = (connection: string) => LEFT + COLUMN * (connections.indexOf(connection) + 1)
  const note = html`<p>Steps ${begin + 1} to ${begin + shown.length} of ${all.length}.</p>`
  const failure = TOP + ROW * (before - begin + 0.5)
  const box = html`width="${width}" height="${height}" viewBox="0 0 ${width} ${height}"`
  return html`${all.length > shown.length ? note : ''}
<div class="diagram">
<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label="sequence diagram" ${box}>
${lifeline(LEFT, implementation, height)}
${connections.map((connection) => lifeline(column(connection), connection, height))}
${shown.map((arrow, row) => drawArrow(arrow, column(arrow.connection), TOP + ROW * (row + 1)))}
${before === all.length ? '' : html`<line class="violation" x1="0" y1="${failure}" x2="${width}" y2="${failure}"/>`}
</svg></div>`
}

function lifeline(x: number, name: string, height: number): Html {
  return html`<text x="${x}" y="18" text-anchor="middle" font-weight="600">${name}</text>
<line class="life" x1="${x}" y1="26" x2="${x}" y2="${height}"/>
`
}

function drawArrow({ at, direction, text }: Arrow, x: number, y: number): Html {
  const [from, to] = direction === 'in' ? [x, LEFT] : [LEFT, x]
  const head =
    to < from
      ? `${to + 7},${y - 4} ${to},${y} ${to + 7},${y + 4}`
      : `${to - 7},${y - 4} ${to},${y} ${to - 7},${y + 4}`
  return html`<text x="4" y="${y + 4}">${at.toFixed(1)} ms</text>
<line x1="${from}" y1="${y}" x2="${to}" y2="${y}"/><polygon points="${head}"/>
<text x="${x + 8}" y="${y + 4}">${text}</text>
`
}

function arrows(events: readonly TraceEvent[]): Arrow[] {
  const merged: (Arrow & { bytes: number })[] = []
  for (const event of events) {
    const { at, connection, direction, kind, size = 0 } = event
    const last = merged.at(-1)
    const decoded = decodeEvent(event)
    if (
      kind === 'bytes' &&
      decoded === undefined &&
      last?.connection === connection &&
      last.direction === direction &&
      last.bytes > 0
    ) {
      last.bytes += size
      last.text = `${last.bytes} bytes`
    } else {
      merged.push({
        at,
        connection,
        direction,
        bytes: kind === 'bytes' && decoded === undefined ? size : 0,
        text: kind === 'bytes' ? (decoded ?? `${size} bytes`) : kind,
      })
    }
  }
  return merged
}
