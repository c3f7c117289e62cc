import { clauses } from '../register.ts'
import type { CaseResult, Results } from '../result.ts'
import { type Cause, causeOf } from './causes.ts'
import { describeEvent } from './describe-event.ts'
import { diagram } from './diagram.ts'
import { type Html, html, page } from './html.ts'
import { lossBy } from './loss.ts'

/** Returns the page of a case: its findings, and a diagram of its connections. */
export function casePage(
  result: CaseResult,
  { implementation }: Results,
  causes: readonly Cause[],
): string {
  const { id, outcome, about, role, trace, stderr, failedAt } = result
  const left = role === 'pair' ? 'proxy, cache' : role
  return page(
    `${id}: ${outcome}`,
    html`<p><a href="../index.html">${implementation}</a></p>
<h1>${id}</h1>
<p class="verdict ${outcome}">${outcome}</p>
<p>${about}</p>
<dl>
${findings(result)}
${related(result, causes)}
</dl>
<h2>On the wire</h2>
${trace.length === 0 ? html`<p>Nothing.</p>` : diagram(trace, left, failedAt)}
<details><summary>bytes</summary><pre>${trace.map(describeEvent).join('\n')}</pre></details>
${stderr === undefined ? '' : html`<h2>Standard error</h2><pre>${stderr}</pre>`}`,
  )
}

function findings(result: CaseResult): Html {
  const { what, expected = [], actual, note, repeat, level, role, duration, passed, runs } = result
  const loss = lossBy(result)
  const permitted = expected.map(({ outcome, clause }) => html`<dd>${outcome} [${clause}]</dd>`)
  return html`<dt>clauses</dt>${result.clauses.map(clauseLink)}
${what === undefined ? '' : html`<dt>observed</dt><dd>${what}</dd>`}
${permitted.length === 0 ? '' : html`<dt>permitted</dt>${permitted}`}
${actual === undefined ? '' : html`<dt>got</dt><dd><pre>${actual}</pre></dd>`}
${loss === undefined ? '' : html`<dt>in use</dt><dd>${loss}</dd>`}
${note === undefined ? '' : html`<dt>note</dt><dd>${note}</dd>`}
<dt>again</dt><dd><code>${repeat}</code></dd>
<dt>level, role, time</dt>
<dd>${level}, ${role}, ${duration} ms; passed ${passed} of ${runs}</dd>`
}

/** Returns the cases that fail in the same way, the cases that it blocks, and its blocker. */
function related(result: CaseResult, causes: readonly Cause[]): Html {
  const cause = causeOf(result, causes)
  const alike = [cause?.first ?? [], cause?.others ?? []]
    .flat()
    .filter(({ id }) => id !== result.id)
  const blocked = (cause?.blocked ?? []).filter(({ blockedBy }) => blockedBy === result.id)
  return html`${links('blocked by', result.blockedBy === undefined ? [] : [result.blockedBy])}
${links(
  'failed alike',
  alike.map(({ id }) => id),
)}
${links(
  'blocked by it',
  blocked.map(({ id }) => id),
)}`
}

function links(title: string, ids: readonly string[]): Html {
  if (ids.length === 0) return html``
  return html`<dt>${title}</dt><dd>${ids.map((id) => html`<a href="${id}.html">${id}</a> `)}</dd>`
}

function clauseLink(id: string): Html {
  const text = clauses.find((each) => each.id === id)?.text
  return html`<dd><a href="../index.html#${id}">${id}</a> ${text}</dd>`
}
