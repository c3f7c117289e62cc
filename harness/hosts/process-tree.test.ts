import { spawn } from 'node:child_process'
import { once } from 'node:events'
import t, { type Test } from 'tap'
import { MARK, ProcessTree } from './process-tree.ts'

/** Starts a shell script with a mark; it prints a line when it is ready. */
async function startMarked(t: Test, mark: string, script: string): Promise<number> {
  const child = spawn('sh', ['-c', script], {
    env: { ...process.env, [MARK]: mark },
    detached: true,
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  const pid = child.pid as number
  t.teardown(() => {
    new ProcessTree(pid, mark).processes().forEach((each) => {
      process.kill(each.pid, 'SIGKILL')
    })
  })
  await once(child.stdout, 'data')
  return pid
}

t.test('a stop stops descendants and helpers that lost their parent', async (t) => {
  const script = 'sleep 60 & (setsid sleep 60 &) ; sh -c "sleep 60 & wait" & echo ready; wait'
  const pid = await startMarked(t, 'tree-test-1', script)
  const tree = new ProcessTree(pid, 'tree-test-1')
  t.equal(await tree.stop(), true)
  const stopped = tree.processes()
  t.equal(stopped.length, 5, 'a shell, its shell, and three sleeps')
  t.ok(stopped.every(({ state }) => state === 'T'))
  t.ok(
    stopped.some(
      ({ parent }) => !stopped.some((other) => other.pid === parent) && parent !== process.pid,
    ),
  )
  tree.go()
  t.ok(tree.processes().every(({ state }) => state !== 'T'))
})

t.test('a tree without processes is stopped at once', async (t) => {
  const tree = new ProcessTree(2 ** 22, 'tree-test-2')
  t.same(tree.processes(), [])
  t.equal(await tree.stop(), true)
  t.equal(tree.listensAt('/no/such/socket'), false)
})
