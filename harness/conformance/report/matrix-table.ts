import type { Cell, Guilt } from '../matrix.ts'
import type { Reason } from '../matrix-part.ts'
import { type Html, html } from './html.ts'
import { printableTexts } from './printable-results.ts'

/** Returns the table of a matrix: a row for each proxy, a column for each cache. */
export function matrixTable(raw: readonly Cell[]): Html {
  const cells = printableTexts(raw)
  const caches = [...new Set(cells.map(({ cache }) => cache))]
  const rows = [...Map.groupBy(cells, ({ proxy }) => proxy)]
  return html`<h2>Pairs</h2>
<table><thead><tr><th>proxy \\ cache</th>${caches.map((cache) => html`<th>${cache}</th>`)}</tr></thead><tbody>
${rows.map(([proxy, row]) => html`<tr><th>${proxy}</th>${row.map(tableCell)}</tr>\n`)}</tbody></table>`
}

function tableCell({ verdict, failed, guilty, judgedAlone, reason }: Cell): Html {
  if (guilty.length > 0)
    return html`<td class="fail">${guilty.map((guilt) => html`<p>${describeGuilt(guilt)}</p>`)}</td>`
  const mark = verdict === 'conformant' ? 'pass' : 'fail'
  const text =
    verdict === 'conformant'
      ? 'pass'
      : `${failed.length} fail${judgedAlone ? ', neither side alone' : ''}`
  return html`<td class="${mark}">${text}${reason === undefined ? '' : describeReason(reason)}</td>`
}

const describeGuilt = (guilt: Guilt) =>
  html`the ${guilt.side} is not sound alone: ${describeReason(guilt)}`

const describeReason = ({ case: id, clause, text }: Reason) =>
  html` <a href="cases/${id}.html">${id}</a> ${clause === '' ? '' : html`[${clause}: ${text}]`}`
