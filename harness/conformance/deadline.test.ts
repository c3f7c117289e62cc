import { execa } from 'execa'
import t from 'tap'
import { type Lateness, startDeadline } from './deadline.ts'

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

const latenessOf = (processes: readonly (number | undefined)[]) =>
  new Promise<Lateness>((resolve) => startDeadline(600, () => processes as number[], resolve))

/** Starts processes that use the same processor all the time, the first with this niceness. */
const spin = (count: number, niceness = '0') =>
  Array.from({ length: count }, (_, at) => {
    const words = ['-c', '0', 'nice', '-n', at === 0 ? niceness : '0']
    return execa('taskset', [...words, 'sh', '-c', 'while :; do :; done'], { reject: false })
  })

t.test('a process that waits for an event is late at its deadline', async (t) => {
  const idle = execa('sleep', ['60'], { reject: false })
  t.ok((await afterDeadline(600, [idle.pid as number])) < 600 * 5, 'well before the bound')
  t.equal(await latenessOf([idle.pid]), 'late')
  idle.kill('SIGKILL')
  await idle
})

t.test('time in which a process waits for a processor does not count, within bounds', async (t) => {
  const spinning = spin(4)
  const took = await afterDeadline(1000, [spinning[0]?.pid as number])
  t.ok(took > 1800, `with a quarter of a processor: ${Math.round(took)} ms for 1000`)
  t.ok(took < 7000 * 2, 'the deadline comes all the same')
  for (const each of spinning) each.kill('SIGKILL')
  await Promise.all(spinning)
})

t.test('a process that got no processor is not late: the machine is too slow', async (t) => {
  const spinning = spin(3, '19')
  t.equal(await latenessOf([spinning[0]?.pid]), 'slow machine')
  for (const each of spinning) each.kill('SIGKILL')
  await Promise.all(spinning)
})

t.test('time in which a child waits for a processor does not count', async (t) => {
  const others = spin(3)
  const words = ['-c', 'taskset -c 0 sh -c "while :; do :; done" & wait']
  const parent = execa('sh', words, { reject: false, detached: true })
  const took = await afterDeadline(600, [parent.pid as number])
  t.ok(took > 1000, `${Math.round(took)} ms for 600`)
  process.kill(-(parent.pid as number), 'SIGKILL')
  for (const each of others) each.kill('SIGKILL')
  await Promise.all([parent, ...others])
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

t.test('time in which the suite stops a process does not count', async (t) => {
  const begin = performance.now()
  await new Promise<void>((resolve) => {
    const late = () => resolve()
    const half = () => (performance.now() - begin) / 2
    startDeadline(600, () => [], late, half)
  })
  const took = performance.now() - begin
  t.ok(took > 1000, `${Math.round(took)} ms for 600 with half of the time stopped`)
})
