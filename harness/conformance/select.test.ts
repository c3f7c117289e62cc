import t from 'tap'
import { allCases } from '../../scenarios/index.ts'
import { type Selection, select } from './select.ts'

const all: Selection = { role: 'both', only: [], level: 'all' }

t.test('both daemons and their pair are judged without the cases of a client', async (t) => {
  const roles = new Set(select(allCases, all).map(({ value }) => value.role))
  t.same([...roles].sort(), ['cache', 'pair', 'proxy'])
})

t.test('a client is judged by its own cases only', async (t) => {
  const roles = new Set(select(allCases, { ...all, role: 'client' }).map(({ value }) => value.role))
  t.same([...roles], ['client'])
})

t.test('a case of another role is named with the option that selects it', async (t) => {
  t.throws(() => select(allCases, { ...all, only: ['client-dump'] }), {
    message: /nothing is left to run, the cases are of a client: --role client, and -i FILE/,
  })
  t.throws(() => select(allCases, { ...all, role: 'client', only: ['L3'] }), {
    message: /nothing is left to run, the cases are of daemons: --role both/,
  })
})
