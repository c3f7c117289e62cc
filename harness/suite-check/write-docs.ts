import { writeFileSync } from 'node:fs'
import { describeGrid } from '../../scenarios/grid/page.ts'
import { allCases } from '../../scenarios/index.ts'
import { describeClauses } from '../conformance/clauses-page.ts'
import { checkout } from '../hosts/checkout.ts'
import { describeDescriptor } from '../implementation/descriptor.ts'

/* `npm run docs`: writes the generated files. Tests compare them with the code. */

writeFileSync(`${checkout}/docs/clauses.md`, describeClauses(allCases))
writeFileSync(`${checkout}/docs/grid.md`, describeGrid())
const schema = `${checkout}/harness/implementation/descriptor.schema.json`
writeFileSync(schema, describeDescriptor())
