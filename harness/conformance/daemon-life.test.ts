import t from 'tap'
import { DaemonLife } from './daemon-life.ts'

/** Returns the forbidden end of a daemon that has ended with this code. */
async function ended(code: number, allow: (life: DaemonLife) => void = () => {}) {
  const life = new DaemonLife(Promise.resolve({ code, stdout: '', stderr: '' }))
  allow(life)
  await Promise.resolve()
  return life.forbiddenEnd('proxy')
}

t.test('a daemon that runs breaks no demand', async (t) => {
  const life = new DaemonLife(new Promise(() => {}))
  t.equal(life.exitCode, undefined)
  t.equal(life.forbiddenEnd('proxy'), undefined)
})

t.test('an end without a reason is a violation, even with exit 0', async (t) => {
  t.match(await ended(0), { what: 'the process of the proxy', actual: 'it ended with exit 0' })
})

t.test('an allowed exit may have any code but that of a crash', async (t) => {
  const allow = (life: DaemonLife) => life.allowExit('the dump is finished')
  t.equal(await ended(0, allow), undefined)
  t.equal(await ended(128, allow), undefined)
  t.match(await ended(134, allow), { actual: 'it ended with exit 134', side: 'proxy' })
})

t.test('any end may be a crash, even if only an exit is allowed later', async (t) => {
  const allow = (life: DaemonLife) => {
    life.allowAnyEnd('the case kills it')
    life.allowExit('the dump is finished')
  }
  t.equal(await ended(137, allow), undefined)
})
