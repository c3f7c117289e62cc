import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import t from 'tap'
import { checkout } from '../hosts/checkout.ts'
import { ProcessTree } from '../hosts/process-tree.ts'
import { criuRemote } from '../testing/criu-remote.ts'
import { Pressure } from './pressure.ts'

t.test('pressure stops a process again and again, and lets it run at the end', async (t) => {
  const child = spawn('sleep', ['60'])
  t.teardown(() => child.kill('SIGKILL'))
  const tree = new ProcessTree(child.pid as number, 'pressure-test')
  const pressure = new Pressure(tree, 1)
  const states = new Set<string>()
  for (let look = 0; look < 2000 && states.size < 2; look++) {
    for (const { state } of tree.processes()) states.add(state)
    await pause(1)
  }
  t.same([...states].sort(), ['S', 'T'])
  await pressure.suspend()
  const stood = pressure.stood
  t.ok(stood > 0, `${stood} ms`)
  await pause(100)
  t.ok(
    tree.processes().every(({ state }) => state === 'S'),
    'no stop after the end',
  )
  t.equal(pressure.stood, stood)
})

const cases = ['proxy-finish-right-behind-writes', 'cache-finish-twice', 'pair-migration']

t.test('the reference passes under pressure, and the results say so', async (t) => {
  const words = ['conform', ...cases.flatMap((id) => ['--only', id]), '--seed', '11', '--pressure']
  const { exitCode, stdout } = await criuRemote(words, { timeout: 300_000 })
  t.equal(exitCode, 0, stdout)
  t.match(stdout, /under pressure/)
})

t.test('a race is found in ten runs under pressure, with the command of its run', async (t) => {
  const directory = mkdtempSync('/tmp/criu-remote-pressure-')
  t.teardown(() => rmSync(directory, { recursive: true }))
  const file = `${directory}/race.json`
  const mutant = [`${checkout}/harness/suite-check/run-mutant.ts`, 'finish-forgets-workers']
  const options = ['proxy', '--socket', '{socket}', '--connect', '{host}:{port}']
  const command = [process.execPath, ...mutant, ...options]
  writeFileSync(file, JSON.stringify({ name: 'race', proxy: { command } }))
  const only = ['--only', 'proxy-finish-right-behind-writes']
  const words = ['conform', '-i', file, ...only, '--seed', '11', '--pressure', '--repeat', '10']
  const { exitCode, stdout } = await criuRemote(words, { timeout: 300_000 })
  t.equal(exitCode, 1, stdout)
  t.match(stdout, /again: .* --pressure .*--seed \d+/)
})
