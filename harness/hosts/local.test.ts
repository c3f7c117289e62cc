import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { createInterface } from 'node:readline'
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

t.test('a signal removes what every host has made', { timeout: 30_000 }, async (t) => {
  const script = `
    import { isolatedLocalHost } from '${import.meta.dirname}/local.ts'
    for (let nth = 0; nth < 12; nth++) {
      const host = isolatedLocalHost()
      const { pid } = await host.start(['sleep', '60'])
      console.log(pid, await host.directory())
    }
    console.log('ready')
    setInterval(() => {}, 1000)`
  // The hooks of tap, which NODE_OPTIONS loads into every child, listen for signals as well.
  const node = ['-u', 'NODE_OPTIONS', process.execPath, '--disable-warning=ExperimentalWarning']
  const words = [...node, '--input-type=module', '-e', script]
  const child = spawn('env', words, { stdio: ['ignore', 'pipe', 'pipe'] })
  let errors = ''
  child.stderr.setEncoding('utf8').on('data', (text) => {
    errors += text
  })
  t.teardown(() => child.kill('SIGKILL'))
  const made: string[] = []
  for await (const line of createInterface(child.stdout)) {
    if (line === 'ready') break
    made.push(line)
  }
  t.equal(made.length, 12)
  child.kill('SIGTERM')
  const [, signal] = await once(child, 'exit')
  t.equal(signal, 'SIGTERM')
  t.equal(errors, '', 'no warning of many listeners')
  const left = made.map((line) => line.split(' ')).filter(([, path = '']) => existsSync(path))
  t.same(left, [])
  await pause(100)
  t.same(
    made.filter((line) => isAlive(Number.parseInt(line, 10))),
    [],
  )
})
