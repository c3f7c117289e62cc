import { readFileSync } from 'node:fs'
import t from 'tap'
import { allCases as loaded } from '../../scenarios/index.ts'
import { checkout } from '../hosts/checkout.ts'
import { describeClauses } from './clauses-page.ts'
import { uncovered } from './loaded-cases.ts'
import { clauses } from './register.ts'

t.test('every MUST has a case, and clause ids are unique', async (t) => {
  t.same(uncovered(loaded), [])
  t.equal(new Set(clauses.map(({ id }) => id)).size, clauses.length)
})

t.test('every MUST has at least two cases: a plain and an adversarial one', async (t) => {
  const few = clauses.filter(
    ({ id, level }) =>
      level === 'must' && loaded.filter(({ value }) => value.clauses.includes(id)).length < 2,
  )
  t.same(
    few.map(({ id }) => id),
    [],
  )
})

t.test('an uncovered MUST is noticed', async (t) => {
  const without = loaded.filter(({ value }) => !value.clauses.includes('W7'))
  t.same(uncovered(without), ['W7'])
})

t.test('docs/clauses.md is current', async (t) => {
  t.equal(readFileSync(`${checkout}/docs/clauses.md`, 'utf8'), describeClauses(loaded))
})

t.test('the suite does not shrink unnoticed', async (t) => {
  t.ok(loaded.length >= 190, `${loaded.length} cases`)
})
