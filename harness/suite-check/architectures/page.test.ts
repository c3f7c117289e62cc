import { readFileSync } from 'node:fs'
import t from 'tap'
import { checkout } from '../../hosts/checkout.ts'
import { describeArchitectures } from './page.ts'

t.test('docs/architectures.md is made of the faults and their records', async (t) => {
  t.equal(readFileSync(`${checkout}/docs/architectures.md`, 'utf8'), describeArchitectures())
})
