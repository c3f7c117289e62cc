import { existsSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import t from 'tap'
import { isolatedLocalHost, localHost } from './local.ts'

const isAlive = (pid: number) => existsSync(`/proc/${pid}/cwd`)

t.test('a child that holds the pipes open does not delay the exit of its parent', async (t) => {
  const host = isolatedLocalHost()
  const begin = performance.now()
  const { exited } = await host.start(['sh', '-c', 'sleep 60 & echo $!; exit 3'])
  const { code, stdout } = await exited
  t.equal(code, 3)
  t.ok(performance.now() - begin < 10_000, 'long before the end of the child')
  t.ok(isAlive(Number(stdout)), 'the child runs on')
  await host.stop()
  await pause(100)
  t.notOk(isAlive(Number(stdout)), 'and ends with its host')
})

t.test('the output of a process is whole, and a signal gives its exit code', async (t) => {
  const host = localHost()
  t.teardown(() => host.stop())
  const lines: string[] = []
  const command = ['seq', '200000']
  const { exited } = await host.start(command, { onLine: (line) => lines.push(line) })
  await exited
  t.equal(lines.length, 200_000)
  const killed = await host.start(['sh', '-c', 'kill -TERM $$'])
  t.equal((await killed.exited).code, 128 + 15)
})

t.test('a host that is stopped starts nothing more and leaves no directory', async (t) => {
  const host = isolatedLocalHost()
  const directory = await host.directory()
  await host.stop()
  t.notOk(existsSync(directory))
  await t.rejects(host.start(['true']), { name: 'HostError' })
  await t.rejects(host.directory(), { name: 'HostError' })
})
