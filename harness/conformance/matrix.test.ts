import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import t from 'tap'
import { checkout } from '../hosts/checkout.ts'
import { criuRemote } from '../testing/criu-remote.ts'
import { readResults } from './compare.ts'
import type { Cell } from './matrix.ts'

/* Every proxy with every cache, and the guilty side. */

const directory = mkdtempSync('/tmp/criu-remote-matrix-')
t.teardown(() => rmSync(directory, { recursive: true }))

const python = `${checkout}/fixtures/implementations/python.yaml`

/** Writes the descriptor of a cache that refuses the image for which it has to wait (C2). */
function writeFaulty(name: string): string {
  const file = `${directory}/${name}.json`
  const mutant = [`${checkout}/harness/suite-check/run-mutant.ts`, 'cache-never-waits', 'cache']
  const places = ['--socket', '{socket}', '--listen', '{host}:{port}']
  const command = [process.execPath, ...mutant, ...places]
  writeFileSync(file, JSON.stringify({ name: 'faulty', cache: { command } }))
  return file
}

const only = [
  'cache-read-held',
  'cache-waiters-are-answered-as-images-arrive',
  'proxy-read-back',
  'pair-migration',
].flatMap((id) => ['--only', id])

t.test(
  'a cache that never waits is the guilty side, its pairs do not run, and the report says so',
  { timeout: 120_000 },
  async (t) => {
    const report = `${directory}/report`
    const files = [python, writeFaulty('faulty')]
    const words = ['matrix', ...files, ...only, '--json', '--jobs', '4', '--report', report]
    const { exitCode, stdout, stderr } = await criuRemote(words)
    t.equal(exitCode, 1, stderr)
    t.match(stderr, /1 of 2 pairs do not work/)
    const [sound, broken] = JSON.parse(stdout) as [Cell, Cell]
    t.match(sound, { proxy: 'python', cache: 'python', verdict: 'conformant', failed: [] })
    t.same(sound.guilty, [])
    t.match(broken, {
      proxy: 'python',
      cache: 'faulty',
      verdict: 'not conformant',
      failed: [],
      guilty: [{ side: 'cache', case: /^faulty\.cache-waiters/, clause: 'C2', text: /waits/ }],
    })
    const { cases, verdict } = await readResults(`${report}/results.json`)
    t.equal(verdict, 'not conformant')
    const outcomeOf = (id: string) => cases.find((each) => each.id === id)
    t.match(outcomeOf('python-with-python.pair-migration'), { outcome: 'pass' })
    t.match(outcomeOf('python-with-faulty.pair-migration'), {
      outcome: 'blocked',
      blockedBy: (broken.guilty[0] as { case: string }).case,
      repeat: /matrix .*faulty\.json --timeout 10 --only pair-migration$/,
    })
    const page = readFileSync(`${report}/index.html`, 'utf8')
    t.match(page, /the cache is not sound alone:.*faulty\.cache-waiters.*\[C2: /s)
  },
)

t.test('pairs that run are judged, and files tell two of one name apart', async (t) => {
  const two = [writeFaulty('one'), writeFaulty('two')]
  const words = ['matrix', python, ...two, '--only', 'pair-restore-first']
  const { exitCode, stdout } = await criuRemote(words)
  t.match(stdout, /faulty \(.*one\.json\).*faulty \(.*two\.json\)/s)
  t.match(stdout, /1 fail.*the sides were not judged/s)
  t.match(stdout, /python with faulty .*one\.json\) does not work: fail .*\n {2}[A-Z]\d.*: /)
  t.equal(exitCode, 1)
})

t.test('descriptors without a pair are wrong usage', async (t) => {
  const file = `${directory}/proxy.json`
  writeFileSync(file, JSON.stringify({ name: 'lonely', proxy: { command: ['true'] } }))
  t.match(await criuRemote(['matrix', file]), {
    exitCode: 2,
    stderr: /expected a proxy and a cache/,
  })
})
