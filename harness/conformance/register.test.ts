import { globSync, readFileSync } from 'node:fs'
import t from 'tap'
import { allCases as loaded } from '../../scenarios/index.ts'
import { checkout } from '../hosts/checkout.ts'
import { Violation } from '../violation.ts'
import { isAtMost } from './clause.ts'
import { describeClauses } from './clauses-page.ts'
import { demand } from './expect.ts'
import { verdictOf } from './judge.ts'
import { uncovered } from './loaded-cases.ts'
import { clause, clauses, levelOf } from './register.ts'
import { Waiting } from './waiting.ts'

/** A clause id in a quoted text, as cases cite it. */
const cited = /'([A-Z]\d+[a-z]?)'/g

const idsIn = (text: string) => [...text.matchAll(cited)].map(([, id]) => id as string)

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

t.test('the weaker part of a clause is weaker than the clause', async (t) => {
  for (const { id, level, weaker } of clauses)
    if (weaker !== undefined) t.notOk(isAtMost(level, weaker.level), id)
})

t.test('the level of a case is at most that of its clauses', async (t) => {
  for (const { value } of loaded) {
    const { id, level = 'must' } = value
    const levels = value.clauses.map((each) => clause(each).level)
    t.ok(
      levels.some((each) => isAtMost(level, each)),
      `${id} is a ${level}, its clauses are ${levels}`,
    )
  }
})

t.test('cases cite known clauses, of the dialects in which they run', async (t) => {
  const known = new Set(clauses.map(({ id }) => id))
  for (const file of globSync('scenarios/**/*.ts', { cwd: checkout })) {
    const ids = idsIn(readFileSync(`${checkout}/${file}`, 'utf8'))
    t.same(
      ids.filter((id) => !known.has(id)),
      [],
      file,
    )
  }
  for (const { value } of loaded) {
    const others = [...value.clauses, ...idsIn(value.run.toString())].filter((id) => {
      const { dialects } = clause(id)
      const isIn = (each: string) => dialects?.includes(each) === true
      return dialects !== undefined && value.dialects?.every(isIn) !== true
    })
    t.same(others, [], `${value.id} cites no clause of another dialect`)
  }
})

t.test('an expectation has the level of its clause, or of the weaker part of it', async (t) => {
  const outcome = 'an exit code'
  t.equal(levelOf({ outcome, clause: 'E2' }), 'must')
  t.equal(levelOf({ outcome, clause: 'E4' }), 'should')
  t.equal(levelOf({ outcome, clause: 'F4', level: 'should' }), 'should')
  t.equal(levelOf({ outcome, clause: '' }), 'must', 'the contract of a test program')
})

t.test('a case that cites more than the register has is an error, even if it holds', async (t) => {
  const waiting = new Waiting()
  for (const permitted of [
    { outcome: 'anything', clause: 'X1' },
    { outcome: 'anything', clause: 'E4', level: 'must' },
    { outcome: 'anything', clause: 'W3', level: 'should' },
  ] as const) {
    t.throws(() => demand(true, 'it', permitted, ''), /X1|no part of clause/)
    await t.rejects(waiting.for('it', permitted, Promise.resolve()), /X1|no part of clause/)
  }
})

t.test('a breach of a SHOULD is a warning, whatever the level of its case', async (t) => {
  const must = { outcome: 'its bytes', clause: 'L3' }
  const should = { outcome: 'an exit code from 1 to 128', clause: 'E4' }
  const weaker = { outcome: 'a write or a refusal', clause: 'F4', level: 'should' } as const
  const outcomeOf = (permitted: ConstructorParameters<typeof Violation>[1], level?: 'should') =>
    verdictOf(new Violation('it', permitted, 'another'), level === undefined ? {} : { level })
      .outcome
  t.equal(outcomeOf([must]), 'fail')
  t.equal(outcomeOf([should]), 'warn')
  t.equal(outcomeOf([weaker]), 'warn')
  t.equal(outcomeOf([should, must]), 'fail', 'of several outcomes the strongest clause counts')
  t.equal(outcomeOf([must], 'should'), 'warn')
})

t.test('an uncovered MUST is noticed', async (t) => {
  const without = loaded.filter(({ value }) => !value.clauses.includes('W7'))
  t.same(uncovered(without), ['W7'])
})

t.test('docs/clauses.md is current', async (t) => {
  t.equal(readFileSync(`${checkout}/docs/clauses.md`, 'utf8'), describeClauses(loaded))
})

t.test('the suite does not shrink unnoticed', async (t) => {
  t.ok(loaded.length >= 220, `${loaded.length} cases`)
})
