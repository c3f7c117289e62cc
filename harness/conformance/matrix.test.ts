import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import t from 'tap'
import { checkout } from '../hosts/checkout.ts'
import { criuRemote } from '../testing/criu-remote.ts'
import type { Cell } from './matrix.ts'

/* Every proxy with every cache, and the guilty side. */

const directory = mkdtempSync('/tmp/criu-remote-matrix-')
t.teardown(() => rmSync(directory, { recursive: true }))

t.test(
  'a cache that never waits is named as the guilty side of a pair with a Python proxy',
  async (t) => {
    const faulty = `${directory}/faulty.json`
    const command = [
      process.execPath,
      `${checkout}/harness/suite-check/run-mutant.ts`,
      'cache-never-waits',
      'cache',
      '--socket',
      '{socket}',
      '--listen',
      '{host}:{port}',
    ]
    writeFileSync(faulty, JSON.stringify({ name: 'faulty', cache: { command } }))
    const python = `${checkout}/fixtures/implementations/python.yaml`
    const words = ['matrix', python, faulty, '--json', '--jobs', '4']
    const { exitCode, stdout, stderr } = await criuRemote(words)
    t.equal(exitCode, 1, stderr)
    const cells = JSON.parse(stdout) as Cell[]
    t.match(cells, [
      { proxy: 'python', cache: 'python', failed: [], guilty: [] },
      { proxy: 'python', cache: 'faulty', guilty: ['cache'] },
    ])
    t.ok((cells[1] as Cell).failed.length > 0)
  },
)

t.test('descriptors without a pair are wrong usage', async (t) => {
  const file = `${directory}/proxy.json`
  writeFileSync(file, JSON.stringify({ name: 'lonely', proxy: { command: ['true'] } }))
  t.match(await criuRemote(['matrix', file]), {
    exitCode: 2,
    stderr: /expected a proxy and a cache/,
  })
})
