import t from 'tap'
import { allCases } from '../../scenarios/index.ts'
import { basicRank, basicsOf } from './basic-cases.ts'
import { groupFailures } from './failure-groups.ts'
import type { CaseResult, Outcome } from './result.ts'

const result = (id: string, outcome: Outcome, signature?: string) =>
  ({ id, outcome, ...(signature && { signature }) }) as CaseResult

t.test('failures of one signature are one group, with the basic case first', async (t) => {
  const groups = groupFailures([
    result('proxy-finish', 'fail', 'a'),
    result('proxy-garbage', 'fail', 'b'),
    result('proxy-finish-twice', 'blocked', 'a'),
    result('proxy-read-back', 'fail', 'a'),
    result('proxy-read-again', 'pass'),
    result('proxy-logs-refusals', 'warn', 'a'),
    result('proxy-socket-linked', 'expected-fail', 'a'),
  ])
  t.same(
    groups.map(({ first, others }) => [first.id, ...others.map(({ id }) => id)]),
    [['proxy-read-back', 'proxy-finish'], ['proxy-garbage'], ['proxy-logs-refusals']],
  )
})

t.test('the basic cases are cases of the suite, and depend on simpler ones only', async (t) => {
  const basic = allCases.filter(({ value }) => basicRank(value.id) !== undefined)
  for (const role of ['proxy', 'cache', 'pair', 'client'] as const) {
    const own = basic.filter(({ value }) => value.role === role)
    t.ok(own.length > 0, `a basic case for ${role}`)
    const [id] = basicsOf({ id: `another-${role}`, role }).slice(-1)
    t.ok(
      own.some(({ value }) => value.id === id),
      `${id} is a case of ${role}`,
    )
  }
  const all = (['pair', 'client'] as const).flatMap((role) => basicsOf({ id: 'another', role }))
  t.equal(basic.length, all.length, 'all of them exist')
  t.same(basicsOf({ id: 'proxy-read-back', role: 'proxy' }), ['proxy-forwards-an-image'])
})
