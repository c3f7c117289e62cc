import type { Results } from '../result.ts'
import { casePage } from './case-page.ts'
import { causesOf } from './causes.ts'
import type { Html } from './html.ts'
import { indexPage } from './index-page.ts'
import { printableTexts } from './printable-results.ts'

/**
 * Returns the report as pages for a browser, by file name: index.html with the causes of failures
 * and the clauses, and a page for each case. The overview comes before the causes.
 */
export function site(raw: Results, overview?: Html): Map<string, string> {
  const results = printableTexts(raw)
  const causes = causesOf(results.cases)
  const pages = new Map([['index.html', indexPage(results, causes, overview)]])
  for (const result of results.cases)
    pages.set(`cases/${result.id}.html`, casePage(result, results, causes))
  return pages
}
