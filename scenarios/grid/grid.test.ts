import { readFileSync } from 'node:fs'
import t from 'tap'
import { clauses } from '../../harness/conformance/register.ts'
import { checkout } from '../../harness/hosts/checkout.ts'
import { allCases } from '../index.ts'
import { describeGrid, gridCells } from './page.ts'

/* Every clause is tried in every circumstance, or a reason tells why not. */

const cells = gridCells()
const nameOf = ({ clause, group, column }: (typeof cells)[number]) =>
  `${clause}, ${group}, ${column}`

t.test('the grid has a row for each clause, and no other', async (t) => {
  const rows = new Set(cells.map(({ clause }) => clause))
  t.same([...rows].sort(), clauses.map(({ id }) => id).sort())
})

t.test('no cell is empty', async (t) => {
  const empty = cells.filter(({ cell }) => cell === undefined || cell.length === 0)
  t.same(empty.map(nameOf), [])
})

t.test('a cell names cases that exist and cite the clause of its row', async (t) => {
  const citing = new Map(allCases.map(({ value }) => [value.id, value.clauses]))
  const wrong = cells.flatMap((each) =>
    typeof each.cell === 'object'
      ? each.cell
          .filter((id) => citing.get(id)?.includes(each.clause) !== true)
          .map((id) => `${nameOf(each)}: ${id}`)
      : [],
  )
  t.same(wrong, [])
})

t.test('a reason is a sentence', async (t) => {
  const reasons = new Set(cells.map(({ cell }) => cell).filter((cell) => typeof cell === 'string'))
  for (const reason of reasons) t.match(reason, /^[A-Z].{20,}\.$/s)
})

t.test('docs/grid.md is current', async (t) => {
  t.equal(readFileSync(`${checkout}/docs/grid.md`, 'utf8'), describeGrid())
})
