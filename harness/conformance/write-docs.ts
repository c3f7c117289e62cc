import { writeFileSync } from 'node:fs'
import { checkout } from '../hosts/checkout.ts'
import { describeClauses } from './docs.ts'
import { loadCases } from './load.ts'

/* `npm run docs`. */

writeFileSync(`${checkout}/docs/clauses.md`, describeClauses(await loadCases()))
