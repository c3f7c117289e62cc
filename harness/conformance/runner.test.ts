import { execa } from 'execa'
import t from 'tap'
import { checkout } from '../hosts/checkout.ts'

/*
 * Cases run in a process of their own here: tap listens for errors that no code catches as well.
 */

const script = `
import { runCases } from '${checkout}/harness/conformance/runner.ts'
import { referenceDescriptor } from '${checkout}/harness/implementation/start.ts'
import { localHost } from '${checkout}/harness/hosts/local.ts'

const later = (act) => new Promise((resolve) => setTimeout(resolve, 100, setTimeout(act, 5)))
const fail = (message, code) => { throw Object.assign(new Error(message), { code }) }
const works = {
  throws: () => later(() => fail('thrown later')),
  lacks: () => later(() => fail('accept EMFILE', 'EMFILE')),
  rejects: () => later(() => void Promise.reject(new Error('rejected later'))),
  passes: () => later(() => {}),
}
const cases = Object.entries(works).map(([id, run]) => ({
  group: 'g',
  value: { id, run, role: 'proxy', clauses: ['L1'], about: '' },
}))
const results = await runCases({
  descriptor: referenceDescriptor(localHost()),
  cases, jobs: 2, repeat: 1, seed: 1, timeout: 5000, command: '', onResult() {},
})
console.log(JSON.stringify(results.map(({ id, outcome, actual }) => [id, outcome, actual ?? ''])))
`

t.test('an error that no code catches belongs to its case, and decides nothing', async (t) => {
  const flags = ['--disable-warning=ExperimentalWarning', '--input-type=module', '-e', script]
  const { stdout, stderr, exitCode } = await execa(process.execPath, flags, { reject: false })
  t.equal(exitCode, 0, stderr)
  t.match(JSON.parse(stdout), [
    ['throws', 'inconclusive', /^Error: thrown later/],
    ['lacks', 'inconclusive', 'this process has no file descriptor left (accept EMFILE)'],
    ['rejects', 'inconclusive', /^Error: rejected later/],
    ['passes', 'pass', ''],
  ])
})
