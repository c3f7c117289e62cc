import { clauses } from '../register.ts'
import { type CaseResult, isNews, type Results } from '../result.ts'
import { describeEvent } from './describe-event.ts'
import { diagram } from './diagram.ts'
import { type Html, html, page } from './html.ts'

/**
 * Returns the report as pages for a browser, by file name: index.html with a summary and the
 * clauses, and a page for each case.
 */
export function site(results: Results): Map<string, string> {
  const pages = new Map([['index.html', indexPage(results)]])
  for (const result of results.cases)
    pages.set(`cases/${result.id}.html`, casePage(result, results))
  return pages
}

function indexPage(results: Results): string {
  const bad = results.cases.filter(isNews)
  return page(
    `${results.implementation}: ${results.verdict}`,
    html`<h1>${results.implementation}</h1>
<p class="verdict ${results.verdict.replace(' ', '-')}">${results.verdict}</p>
<p>${Object.entries(results.counts)
      .filter(([, cases]) => cases > 0)
      .map(
        ([outcome, cases]) => html`<span class="${outcome}">${cases} ${outcome}</span> &nbsp; `,
      )}</p>
<p>${results.tool} ${results.version}, dialect ${results.dialect}, ${results.date}, ${(results.duration / 1000).toFixed(1)} s, seed ${results.seed}, cases <code>${results.caseSet.slice(0, 12)}</code></p>
${bad.length > 0 ? html`<h2>Cases that did not pass</h2>${caseTable(bad)}` : ''}
<h2>Clauses</h2>
<table><thead><tr><th>clause</th><th>level</th><th>text</th><th>cases</th></tr></thead><tbody>
${clauses.map(
  ({
    id,
    level,
    text,
  }) => html`<tr id="${id}"><td>${id}</td><td>${level}</td><td>${text}</td><td>${marks(results.cases.filter((each) => each.clauses.includes(id)))}</td></tr>
`,
)}</tbody></table>
<h2>All cases</h2>
${caseTable(results.cases)}`,
  )
}

function marks(cases: readonly CaseResult[]): Html | string {
  if (cases.length === 0) return 'not run'
  const good = cases.filter(({ outcome }) => outcome === 'pass').length
  const rest = cases.filter(({ outcome }) => outcome !== 'pass')
  return html`<span class="${rest.some(({ outcome }) => outcome === 'fail') ? 'fail' : 'pass'}">${good} of ${cases.length}</span> ${rest.map(link)}`
}

function caseTable(cases: readonly CaseResult[]): Html {
  return html`<table><thead><tr><th>case</th><th>clauses</th><th>role</th><th>outcome</th><th>ms</th></tr></thead><tbody>
${cases.map(
  (
    result,
  ) => html`<tr><td>${link(result)}</td><td>${result.clauses.join(' ')}</td><td>${result.role}</td><td class="${result.outcome}">${result.outcome}${result.runs > 1 ? ` ${result.passed}/${result.runs}` : ''}</td><td>${result.duration}</td></tr>
`,
)}</tbody></table>`
}

const link = ({ id }: CaseResult) => html`<a href="cases/${id}.html">${id}</a> `

function casePage(result: CaseResult, { implementation }: Results): string {
  return page(
    `${result.id}: ${result.outcome}`,
    html`<p><a href="../index.html">${implementation}</a></p>
<h1>${result.id}</h1>
<p class="verdict ${result.outcome}">${result.outcome}</p>
<p>${result.about}</p>
<dl>
<dt>clauses</dt>${result.clauses.map((id) => html`<dd><a href="../index.html#${id}">${id}</a> ${clauses.find((each) => each.id === id)?.text}</dd>`)}
${result.what === undefined ? '' : html`<dt>observed</dt><dd>${result.what}</dd>`}
${(result.expected ?? []).length === 0 ? '' : html`<dt>permitted</dt>${(result.expected ?? []).map(({ outcome, clause }) => html`<dd>${outcome} [${clause}]</dd>`)}`}
${result.actual === undefined ? '' : html`<dt>got</dt><dd><pre>${result.actual}</pre></dd>`}
${result.note === undefined ? '' : html`<dt>baseline</dt><dd>${result.note}</dd>`}
<dt>again</dt><dd><code>${result.repeat}</code></dd>
<dt>level, role, time</dt><dd>${result.level}, ${result.role}, ${result.duration} ms; passed ${result.passed} of ${result.runs}</dd>
</dl>
<h2>On the wire</h2>
${result.trace.length === 0 ? html`<p>Nothing.</p>` : diagram(result.trace, result.role === 'pair' ? 'proxy, cache' : result.role)}
<details><summary>bytes</summary><pre>${result.trace.map(describeEvent).join('\n')}</pre></details>
${result.stderr === undefined ? '' : html`<h2>Its standard error</h2><pre>${result.stderr}</pre>`}`,
  )
}
