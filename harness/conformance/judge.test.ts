import t from 'tap'
import { HostError } from '../hosts/host.ts'
import { Violation } from '../violation.ts'
import { signatureOf, verdictOf } from './judge.ts'
import { inScope, noteTrouble } from './suite-trouble.ts'

const violation = (clause: string) =>
  new Violation('the log', [{ outcome: 'a reason', clause }], 'no reason')

t.test('only a breach of a MUST in a case of level MUST is a failure', async (t) => {
  t.equal(verdictOf(violation('L3'), {}).outcome, 'fail')
  t.equal(verdictOf(violation('F7'), {}).outcome, 'warn')
  t.equal(verdictOf(violation('L3'), { level: 'should' }).outcome, 'warn')
})

t.test('an error of the own system decides nothing, and names the lack', async (t) => {
  const error = Object.assign(new Error('connect EMFILE /tmp/a.sock'), { code: 'EMFILE' })
  for (const thrown of [error, HostError.from(error, 'connecting')])
    t.match(verdictOf(thrown, {}), {
      outcome: 'inconclusive',
      actual: 'this process has no file descriptor left (connect EMFILE /tmp/a.sock)',
    })
  const { trouble, value } = await inScope(async () => {
    noteTrouble(new Error('read ECONNRESET'))
    noteTrouble(error)
    return 1
  })
  t.equal(value, 1)
  t.match(trouble, /EMFILE/, 'and is noted for the case in which it comes up')
})

t.test('the signature of a late case is the awaited thing', async (t) => {
  const late = (what: string, actual: string) =>
    signatureOf({
      ...{ outcome: 'fail', what, actual, timedOut: true },
      expected: [{ outcome: 'the image', clause: 'W5' }],
    })
  t.equal(late('a.img', 'nothing within 10 ms'), late('b.img', 'other images, and nothing more'))
  t.not(
    signatureOf({ outcome: 'fail', what: 'a', actual: 'x' }),
    signatureOf({ outcome: 'fail', what: 'a', actual: 'y' }),
  )
})
