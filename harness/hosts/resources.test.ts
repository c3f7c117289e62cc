import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { MARK, ProcessTree } from './process-tree.ts'
import {
  commandLineOf,
  filesWith,
  isOnDisk,
  openDiskFilesWith,
  usageOf,
  writtenBytes,
} from './resources.ts'

let started = 0

/** Starts a shell script with a mark; it prints a line when it is ready. */
async function start(t: Test, script: string): Promise<ProcessTree> {
  const mark = `resources-${++started}`
  const child = spawn('sh', ['-c', script], {
    env: { ...process.env, [MARK]: mark },
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  const tree = new ProcessTree(child.pid as number, mark)
  t.teardown(() => tree.kill())
  await once(child.stdout, 'data')
  return tree
}

/** Makes a directory that the test removes. */
function directoryOf(t: Test, parent = '/var/tmp'): string {
  const directory = mkdtempSync(`${parent}/criu-remote-resources-`)
  t.teardown(() => rmSync(directory, { recursive: true }))
  return directory
}

t.test('the usage counts descriptors, processes and zombies of the whole tree', async (t) => {
  // A shell that becomes sleep never waits for its children, so one is a zombie after 0.1 s.
  const tree = await start(t, 'exec 7</dev/null; sleep 0.1 & sleep 60 & echo ready; exec sleep 60')
  for (let look = 0; look < 2000 && usageOf(tree).zombies === 0; look++) await pause(1)
  const usage = usageOf(tree)
  t.equal(usage.processes, 2)
  t.equal(usage.threads, 2)
  t.equal(usage.zombies, 1)
  t.ok(usage.descriptors >= 8, 'standard input, output, error and descriptor 7 of each')
  t.ok(usage.memory > 100_000)
})

t.test('an unlinked file on a disk is found by its bytes, one in memory is not', async (t) => {
  const directory = directoryOf(t)
  t.equal(isOnDisk(directory), true, 'the machine of the test has a disk')
  t.equal(isOnDisk('/dev/shm'), false)
  const needle = Buffer.from('bytes of an image')
  const script = `echo 'some bytes of an image' | tee ${directory}/b >&3; rm ${directory}/a; echo ready; sleep 60`
  const tree = await start(t, `exec 3>${directory}/a; ${script}`)
  t.match(openDiskFilesWith(tree, [needle]), [{ path: /a \(deleted\)/, size: 23 }])
  t.same(openDiskFilesWith(tree, [Buffer.from('others')]), [])
  t.match(filesWith(directory, [needle]), [{ path: `${directory}/b` }])
  t.ok((writtenBytes(tree) ?? 4096) > 0)
  const memory = await start(
    t,
    `exec 3>/dev/shm/${process.pid}; rm /dev/shm/${process.pid}; echo 'bytes of an image' >&3; echo ready; sleep 60`,
  )
  t.same(openDiskFilesWith(memory, [needle]), [])
})

t.test('the command line of a process names it', async (t) => {
  const tree = await start(t, 'echo ready; exec sleep 60')
  const [{ pid } = { pid: 0 }] = tree.processes()
  t.match(commandLineOf(pid), /sleep 60|sh -c/)
  t.equal(commandLineOf(2 ** 22), '')
})

t.test('a kill ends every process of a tree', async (t) => {
  const tree = await start(t, '(setsid sleep 60 &); sleep 60 & echo ready; wait')
  t.equal(tree.processes().length, 3)
  await tree.kill()
  t.same(
    tree.processes().filter(({ state }) => !'ZX'.includes(state)),
    [],
  )
})
