import { execa } from 'execa'
import t from 'tap'
import { startDeadline } from './deadline.ts'

/* Timers are compared only with each other: a busy machine delays both. */

const afterDeadline = (milliseconds: number, processes: readonly number[]) => {
  const begin = performance.now()
  return new Promise<number>((resolve) =>
    startDeadline(
      milliseconds,
      () => processes,
      () => resolve(performance.now() - begin),
    ),
  )
}

t.test('a process that waits for an event is late at its deadline', async (t) => {
  const idle = execa('sleep', ['60'], { reject: false })
  t.ok((await afterDeadline(600, [idle.pid as number])) < 600 * 5, 'well before the bound')
  idle.kill('SIGKILL')
  await idle
})

t.test('time in which a process waits for a processor does not count, within bounds', async (t) => {
  const spin = () =>
    execa('taskset', ['-c', '0', 'sh', '-c', 'while :; do :; done'], { reject: false })
  const spinning = Array.from({ length: 4 }, spin)
  const took = await afterDeadline(1000, [spinning[0]?.pid as number])
  t.ok(took > 1800, `with a quarter of a processor: ${Math.round(took)} ms for 1000`)
  t.ok(took < 7000 * 2, 'the deadline comes all the same')
  for (const each of spinning) each.kill('SIGKILL')
  await Promise.all(spinning)
})

t.test('a cancelled deadline never comes', async (t) => {
  let late = false
  startDeadline(
    200,
    () => [],
    () => {
      late = true
    },
  )()
  await afterDeadline(600, [])
  t.notOk(late)
})
