import { clauses } from '../register.ts'
import { type CaseResult, isNews, type Results } from '../result.ts'
import { describeEvent } from './describe-event.ts'
import { diagram } from './diagram.ts'
import { type Html, html, page } from './html.ts'
import { printableTexts } from './printable-results.ts'

/**
 * Returns the report as pages for a browser, by file name: index.html with a summary and the
 * clauses, and a page for each case.
 */
export function site(raw: Results): Map<string, string> {
  const results = printableTexts(raw)
  const pages = new Map([['index.html', indexPage(results)]])
  for (const result of results.cases)
    pages.set(`cases/${result.id}.html`, casePage(result, results))
  return pages
}

function indexPage(results: Results): string {
  const { implementation, verdict, counts, cases } = results
  const bad = cases.filter(isNews)
  const numbers = Object.entries(counts).filter(([, cases]) => cases > 0)
  return page(
    `${implementation}: ${verdict}`,
    html`<h1>${implementation}</h1>
<p class="verdict ${verdict.replace(' ', '-')}">${verdict}</p>
<p>${numbers.map(([outcome, cases]) => html`<span class="${outcome}">${cases} ${outcome}</span> &nbsp; `)}</p>
<p>${aboutRun(results)}</p>
${bad.length > 0 ? html`<h2>Cases that did not pass</h2>${caseTable(bad)}` : ''}
<h2>Clauses</h2>
${clauseTable(cases)}
<h2>All cases</h2>
${caseTable(cases)}`,
  )
}

function aboutRun({ tool, version, dialect, date, duration, seed, caseSet }: Results): Html {
  const seconds = (duration / 1000).toFixed(1)
  return html`${tool} ${version}, dialect ${dialect}, ${date}, ${seconds} s, seed ${seed},
cases <code>${caseSet.slice(0, 12)}</code>`
}

function clauseTable(cases: readonly CaseResult[]): Html {
  const rows = clauses.map(({ id, level, text }) => {
    const own = cases.filter((each) => each.clauses.includes(id))
    return html`<tr id="${id}"><td>${id}</td><td>${level}</td><td>${text}</td><td>${marks(own)}</td></tr>
`
  })
  return table(['clause', 'level', 'text', 'cases'], rows)
}

function marks(cases: readonly CaseResult[]): Html | string {
  if (cases.length === 0) return 'not run'
  const good = cases.filter(({ outcome }) => outcome === 'pass').length
  const rest = cases.filter(({ outcome }) => outcome !== 'pass')
  const mark = rest.some(({ outcome }) => outcome === 'fail') ? 'fail' : 'pass'
  return html`<span class="${mark}">${good} of ${cases.length}</span> ${rest.map(link)}`
}

function caseTable(cases: readonly CaseResult[]): Html {
  const rows = cases.map((result) => {
    const { clauses, role, outcome, runs, passed, duration } = result
    const rate = runs > 1 ? ` ${passed}/${runs}` : ''
    return html`<tr><td>${link(result)}</td><td>${clauses.join(' ')}</td><td>${role}</td>
<td class="${outcome}">${outcome}${rate}</td><td>${duration}</td></tr>
`
  })
  return table(['case', 'clauses', 'role', 'outcome', 'ms'], rows)
}

function table(columns: readonly string[], rows: readonly Html[]): Html {
  return html`<table><thead><tr>${columns.map((column) => html`<th>${column}</th>`)}</tr></thead><tbody>
${rows}</tbody></table>`
}

const link = ({ id }: CaseResult) => html`<a href="cases/${id}.html">${id}</a> `

function casePage(result: CaseResult, { implementation }: Results): string {
  const { id, outcome, about, role, trace, stderr } = result
  const left = role === 'pair' ? 'proxy, cache' : role
  return page(
    `${id}: ${outcome}`,
    html`<p><a href="../index.html">${implementation}</a></p>
<h1>${id}</h1>
<p class="verdict ${outcome}">${outcome}</p>
<p>${about}</p>
<dl>
${findings(result)}
</dl>
<h2>On the wire</h2>
${trace.length === 0 ? html`<p>Nothing.</p>` : diagram(trace, left)}
<details><summary>bytes</summary><pre>${trace.map(describeEvent).join('\n')}</pre></details>
${stderr === undefined ? '' : html`<h2>Standard error</h2><pre>${stderr}</pre>`}`,
  )
}

function findings(result: CaseResult): Html {
  const { what, expected = [], actual, note, repeat, level, role, duration, passed, runs } = result
  const permitted = expected.map(({ outcome, clause }) => html`<dd>${outcome} [${clause}]</dd>`)
  return html`<dt>clauses</dt>${result.clauses.map(clauseLink)}
${what === undefined ? '' : html`<dt>observed</dt><dd>${what}</dd>`}
${permitted.length === 0 ? '' : html`<dt>permitted</dt>${permitted}`}
${actual === undefined ? '' : html`<dt>got</dt><dd><pre>${actual}</pre></dd>`}
${note === undefined ? '' : html`<dt>baseline</dt><dd>${note}</dd>`}
<dt>again</dt><dd><code>${repeat}</code></dd>
<dt>level, role, time</dt>
<dd>${level}, ${role}, ${duration} ms; passed ${passed} of ${runs}</dd>`
}

function clauseLink(id: string): Html {
  const text = clauses.find((each) => each.id === id)?.text
  return html`<dd><a href="../index.html#${id}">${id}</a> ${text}</dd>`
}
