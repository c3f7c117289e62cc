import t from 'tap'
import { Blocked, CaseDeadline } from './case-deadline.ts'
import { HopelessWaits } from './hopeless-waits.ts'
import { Waiting } from './waiting.ts'

const image = (at: number) => ({ outcome: `image ${at} on the link`, clause: 'W5' })
const reply = { outcome: 'a reply', clause: 'L3' }

/** Returns the deadline of a case that waits for a thing that never comes. */
function waitFor(permitted: { outcome: string; clause: string }, hopeless?: HopelessWaits) {
  const waiting = new Waiting()
  void waiting.for('an act', permitted, new Promise(() => {}))
  const deadline = new CaseDeadline({
    ...{ timeout: 1400, waiting, hopeless },
    processes: () => [],
  })
  deadline.begin()
  return deadline
}

function inVain(...ids: string[]): HopelessWaits {
  const hopeless = new HopelessWaits()
  for (const [at, id] of ids.entries()) {
    const waiting = new Waiting()
    void waiting.for('an act', image(at), new Promise(() => {}))
    hopeless.add(id, waiting.late(1000))
  }
  return hopeless
}

t.test('a case is blocked early if two others have waited for the same in vain', async (t) => {
  const begin = performance.now()
  const deadline = waitFor(image(7), inVain('first', 'second'))
  const thrown = await deadline.passed.catch((reason) => reason)
  t.match(thrown, { by: 'first', message: /nothing within 500 ms; case first/ })
  t.ok(thrown instanceof Blocked)
  t.ok(performance.now() - begin < 1400)
  t.notOk(deadline.isOver, 'the deadline itself has not passed')
})

t.test('a case that waits for another thing has its whole deadline', async (t) => {
  const hopeless = inVain('first', 'second')
  const deadline = waitFor(reply, hopeless)
  await t.rejects(deadline.passed, { name: 'Violation', actual: /nothing within 1400 ms/ })
  t.ok(deadline.isOver)
})

t.test('after four cases have waited in vain, no case waits to the end', async (t) => {
  const hopeless = inVain('first', 'second', 'third', 'fourth')
  t.same(hopeless.looks, [500, 2000])
  const waiting = new Waiting()
  void waiting.for('an act', reply, new Promise(() => {}))
  t.equal(hopeless.blocks(waiting.late(500), 500), undefined)
  t.equal(hopeless.blocks(waiting.late(2000), 2000), 'first')
})

t.test('one failure, or none, blocks nothing', async (t) => {
  t.same(inVain('only').looks, [])
  await t.rejects(waitFor(image(1), inVain('only')).passed, { name: 'Violation' })
  await t.rejects(waitFor(image(1)).passed, { name: 'Violation' })
})
