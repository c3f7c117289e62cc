import { escapeUTF8 } from 'entities'

/** Text that is HTML already and is not escaped. */
export class Html {
  readonly text: string

  constructor(text: string) {
    this.text = text
  }
}

type Part = string | number | Html | undefined | readonly Part[]

/** Returns a template with its values escaped, unless they are Html. */
export function html(strings: TemplateStringsArray, ...parts: Part[]): Html {
  return new Html(strings.reduce((text, string, index) => text + render(parts[index - 1]) + string))
}

function render(part: Part): string {
  if (part === undefined) return ''
  if (part instanceof Html) return part.text
  if (typeof part === 'object') return part.map(render).join('')
  return escapeUTF8(String(part))
}

/** Returns a whole page, which needs no other file. */
export function page(title: string, body: Html): string {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
<style>${new Html(STYLE)}</style>
</head>
<body>
${body}
</body>
</html>
`.text
}

const STYLE = `
:root {
  color-scheme: light dark;
  --line: #8884; --pass: #1a7f37; --fail: #c62828; --warn: #9a6700; --other: #57606a;
}
@media (prefers-color-scheme: dark) {
  :root { --pass: #4ac26b; --fail: #ff6b6b; --warn: #d4a72c; --other: #9aa4af; }
}
body { font: 15px/1.5 system-ui, sans-serif; max-width: 72rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem } h2 { font-size: 1.15rem; margin-top: 2rem }
table { border-collapse: collapse; width: 100% }
th, td {
  text-align: left; vertical-align: top; padding: .3rem .6rem; border-bottom: 1px solid var(--line);
}
code, pre { font: 13px/1.45 ui-monospace, monospace; }
h3 { font-size: 1rem; margin: 0 }
.cause { border: 1px solid var(--line); border-radius: 4px; padding: .6rem .8rem; margin: .8rem 0 }
.cause p, .cause dl { margin: .4rem 0 }
.cause dl { display: grid; grid-template-columns: 6rem 1fr; gap: .2rem .6rem }
.cause dt { margin: 0 } .cause dd { margin: 0; grid-column: 2; min-width: 0 }
 .cause pre { margin: 0; white-space: pre-wrap }
summary { cursor: pointer }
pre { overflow-x: auto; padding: .6rem; border: 1px solid var(--line); border-radius: 4px }
dt { font-weight: 600; margin-top: .6rem } dd { margin-left: 1rem }
.verdict { font-size: 1.2rem; font-weight: 600 }
.pass, .expected-fail, .flaky, .conformant { color: var(--pass) }
.fail, .unexpected-pass, .inconclusive, .not-run, .not-conformant, .undecided { color: var(--fail) }
.warn { color: var(--warn) } .not-applicable, .blocked { color: var(--other) }
.diagram { overflow-x: auto }
svg { font: 12px system-ui, sans-serif; fill: currentColor }
svg line { stroke: currentColor } svg .life { stroke-opacity: .35; stroke-dasharray: 3 3 }
svg .violation { stroke: var(--fail); stroke-dasharray: 6 3 }
`
