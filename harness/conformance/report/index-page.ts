import { clauses } from '../register.ts'
import type { CaseResult, Results } from '../result.ts'
import { type Cause, describeExtent, number } from './causes.ts'
import { describeVerdict } from './describe-verdict.ts'
import { type Html, html, page } from './html.ts'
import { lossBy } from './loss.ts'

/** Number of causes that are open on the page; the page of a failing daemon stays readable. */
const OPEN = 8
/** Number of links in one cell of the table of clauses. */
const LINKS = 4
/** Number of characters of an observation; the case's page has all of it. */
const EXCERPT = 400

/** Returns index.html: the verdict, the causes of failures, the clauses, and all cases. */
export function indexPage(results: Results, causes: readonly Cause[], overview?: Html): string {
  const { implementation, verdict, counts, cases } = results
  const numbers = Object.entries(counts).filter(([, cases]) => cases > 0)
  const failures = causes.filter(({ first }) => first.outcome !== 'warn')
  const warnings = causes.filter(({ first }) => first.outcome === 'warn')
  return page(
    `${implementation}: ${verdict}`,
    html`<h1>${implementation}</h1>
<p class="verdict ${verdict.replace(' ', '-')}">${describeVerdict(results)}</p>
<p>${numbers.map(([outcome, cases]) => html`<span class="${outcome}">${cases} ${outcome}</span> &nbsp; `)}</p>
<p>${aboutRun(results)}</p>
${overview}
${causeList('Failures', failures)}
${causeList('Warnings', warnings)}
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

function causeList(title: string, causes: readonly Cause[]): Html {
  if (causes.length === 0) return html``
  const cases = causes.reduce((sum, { others }) => sum + 1 + others.length, 0)
  const more = causes.slice(OPEN)
  return html`<h2>${title}</h2>
<p>${number(cases, 'case')} in ${number(causes.length, 'way')}, the likely root first.</p>
${causes.slice(0, OPEN).map(causeSection)}
${more.length === 0 ? '' : html`<details><summary>${more.length} more</summary>${more.map(causeSection)}</details>`}`
}

function causeSection(cause: Cause): Html {
  const { first, others, blocked } = cause
  const { outcome, clauses, role, about, what, actual, expected = [], note } = first
  const permitted = expected.map((each) => html`<dd>${each.outcome} [${each.clause}]</dd>`)
  const loss = lossBy(first)
  const extent = describeExtent(cause)
  return html`<section class="cause">
<h3><span class="${outcome}">${outcome}</span> ${link(first)}</h3>
<p>${clauses.join(', ')}; ${role}. ${about}</p>
<dl>
${what === undefined ? '' : html`<dt>observed</dt><dd>${what}</dd>`}
${permitted.length === 0 ? '' : html`<dt>permitted</dt>${permitted}`}
${actual === undefined ? '' : html`<dt>got</dt><dd><pre>${excerpt(actual)}</pre></dd>`}
${loss === undefined ? '' : html`<dt>in use</dt><dd>${loss}</dd>`}
${note === undefined ? '' : html`<dt>note</dt><dd>${note}</dd>`}
</dl>
${extent === '' ? '' : html`<details><summary>${extent}</summary><p>${[...others, ...blocked].map(link)}</p></details>`}
</section>
`
}

const excerpt = (text: string) => (text.length > EXCERPT ? `${text.slice(0, EXCERPT)}...` : text)

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
  const more = rest.length > LINKS ? `and ${rest.length - LINKS} more` : ''
  return html`<span class="${mark}">${good} of ${cases.length}</span> ${rest.slice(0, LINKS).map(link)}${more}`
}

function caseTable(cases: readonly CaseResult[]): Html {
  const rows = cases.map((result) => {
    const { clauses, role, outcome, runs, passed, duration } = result
    const rate = runs > 1 ? ` ${passed}/${runs}` : ''
    return html`<tr><td>${link(result)}</td><td>${clauses.join(' ')}</td><td>${role}</td>
<td class="${outcome}">${outcome}${rate}${cause(result)}</td><td>${duration}</td></tr>
`
  })
  return table(['case', 'clauses', 'role', 'outcome', 'ms'], rows)
}

const cause = ({ blockedBy }: CaseResult) => (blockedBy === undefined ? '' : ` by ${blockedBy}`)

function table(columns: readonly string[], rows: readonly Html[]): Html {
  return html`<table><thead><tr>${columns.map((column) => html`<th>${column}</th>`)}</tr></thead><tbody>
${rows}</tbody></table>`
}

const link = ({ id }: CaseResult) => html`<a href="cases/${id}.html">${id}</a> `
