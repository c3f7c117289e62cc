import t from 'tap'
import { nearest } from './nearest.ts'

const known = ['socket', 'port', 'W5', 'W15', 'proxy-read-back']

for (const [wrong, name] of [
  ['sock', 'socket'],
  ['prot', 'port'],
  ['w5', 'W5'],
  ['W55', 'W5'],
  ['proxy-readback', 'proxy-read-back'],
  ['Proxy-Read-Bakc', 'proxy-read-back'],
  ['cache', undefined],
  ['', undefined],
] as const) {
  t.test(`the known name nearest to ${wrong} is ${name}`, async (t) => {
    t.equal(nearest(wrong, known), name)
  })
}
