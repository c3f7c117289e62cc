import { writeFileSync } from 'node:fs'
import { checkout } from '../hosts/checkout.ts'
import { describeClauses } from './clauses-page.ts'
import { loadCases } from './loaded-cases.ts'

/* `npm run docs`. */

writeFileSync(`${checkout}/docs/clauses.md`, describeClauses(await loadCases()))
