import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import t from 'tap'
import { checkout } from '../hosts/checkout.ts'
import { localHost } from '../hosts/local.ts'
import { textOf } from '../hosts/process-tree.ts'
import { referenceDescriptor } from '../implementation/start.ts'
import { criuRemote } from '../testing/criu-remote.ts'

/* A faulty implementation or run never exits with 0, and always with the documented exit code. */

/** Most tests here wait for a deadline. */
t.jobs = 5

const directory = mkdtempSync('/tmp/criu-remote-greens-')
t.teardown(() => rmSync(directory, { recursive: true }))

/** Returns a proxy that connects and listens as it should, and treats each client by `serve`. */
const proxy = (serve: string) => `
const net = require('node:net')
const [socket, host, port] = process.argv.slice(1)
net.connect({ host, port }).on('error', () => {})
net.createServer({ allowHalfOpen: true }, (client) => { client.on('error', () => {}); ${serve} }).listen(socket)`

const implementations = {
  dead: 'process.exit(0)',
  'dead with an error': 'console.error("no such device"); process.exit(7)',
  'never listening': 'setInterval(() => {}, 1000)',
  hanging: proxy(''),
  crashing: proxy('client.once("data", () => process.abort())'),
  'exiting early': proxy('client.once("data", () => process.exit(0))'),
  'half answering': proxy('client.once("data", () => client.end(Buffer.from([2, 0, 0])))'),
  'answering yes to all': proxy(
    'client.once("data", () => client.end(Buffer.from([2, 0, 0, 0, 8, 0])))',
  ),
  closing: proxy('client.end()'),
}

const expected: Record<keyof typeof implementations, [number, RegExp]> = {
  dead: [3, /ended at once, exit 0/],
  'dead with an error': [3, /ended at once, exit 7: no such device/],
  'never listening': [3, /expected it to listen at the UNIX socket/],
  hanging: [1, /nothing within 3000 ms/],
  crashing: [1, /it ended with exit 134/],
  'exiting early': [1, /it ended with exit 0/],
  'half answering': [1, /no reply|bytes that are no reply/],
  'answering yes to all': [1, /error 0, 0 bytes, and a close/],
  closing: [1, /no reply and a close/],
}

for (const [name, code] of Object.entries(implementations) as [
  keyof typeof implementations,
  string,
][]) {
  t.test(`a proxy that is ${name}: exit ${expected[name][0]}`, { buffered: true }, async (t) => {
    const file = `${directory}/${name.replaceAll(' ', '-')}.json`
    writeFileSync(
      file,
      JSON.stringify({
        name,
        proxy: { command: [process.execPath, '-e', code, '{socket}', '{host}', '{port}'] },
      }),
    )
    const { exitCode, stdout, stderr } = await conform(
      '-i',
      file,
      '--only',
      'proxy-read-missing',
      '--only',
      'proxy-read-back',
      '--timeout',
      '3',
      '--all',
    )
    t.equal(exitCode, expected[name][0], stderr)
    t.match(stdout + stderr, expected[name][1])
  })
}

t.test(
  'no case selected, and wrong descriptors, baselines and levels: exit 2',
  { buffered: true },
  async (t) => {
    writeFileSync(`${directory}/no-roles.yaml`, 'name: x')
    writeFileSync(
      `${directory}/unknown.yaml`,
      'entries: [{case: no-such-case, signature: a, reason: b, expires: 2999-01-01}]',
    )
    writeFileSync(`${directory}/few.json`, '{}')
    for (const [parameters, text] of [
      [['--only', 'no-such-case'], /no case matches --only no-such-case/],
      [['--only', 'proxy-*', '--role', 'cache'], /nothing is left/],
      [['--only', 'proxy-image-of-*-gib'], /nothing is left/],
      [['-i', `${directory}/no-roles.yaml`], /must have required property/],
      [['-i', `${directory}/none.yaml`], /none\.yaml/],
      [['--baseline', `${directory}/unknown.yaml`], /no case no-such-case/],
      [['--failed-from', `${directory}/no-roles.yaml`], /reading results .*no-roles\.yaml/],
      [['--failed-from', `${directory}/few.json`], /few\.json: tool: expected string/],
      [['--level', 'most'], /most/],
      [['--jobs', '0'], /at least 1/],
    ] as const) {
      const { exitCode, stderr } = await conform(...parameters)
      t.equal(exitCode, 2, parameters.join(' '))
      t.match(stderr, text)
    }
  },
)

t.test(
  'a stale baseline fails the run and a current one does not; a record is replayed',
  { buffered: true },
  async (t) => {
    const faulty = `${directory}/faulty.yaml`
    const mutant = `[${process.execPath}, ${checkout}/harness/suite-check/run-mutant.ts, wrong-errno, proxy, --socket, "{socket}", --connect, "{host}:{port}"]`
    writeFileSync(faulty, `name: faulty\nproxy: { command: ${mutant} }\n`)
    const only = ['--role', 'proxy', '--only', 'proxy-read-missing', '--timeout', '60']
    const first = await conform(
      '-i',
      faulty,
      ...only,
      '--write-baseline',
      `${directory}/known.yaml`,
      '--report',
      `${directory}/report`,
    )
    t.equal(first.exitCode, 1, 'it fails')
    t.match(
      await conform('-i', faulty, ...only, '--baseline', `${directory}/known.yaml`),
      { exitCode: 0, stdout: /expected-fail/ },
      'a known failure',
    )
    t.match(
      await conform(...only, '--baseline', `${directory}/known.yaml`),
      { exitCode: 1, stdout: /unexpected-pass/ },
      'but not of the reference',
    )
    const results = JSON.parse(readFileSync(`${directory}/report/results.json`, 'utf8'))
    const failed = results.cases.filter((each: { outcome: string }) => each.outcome === 'fail')
    const again = await conform('-i', faulty, '--failed-from', `${directory}/report/results.json`)
    t.match(
      again,
      { exitCode: 1, stdout: new RegExp(`faulty: ${failed.length} fail, in`) },
      'only the failed cases run again',
    )
    const record = `${directory}/report/traces/${failed[0].id}.json`
    const replayed = await criuRemote(['replay', record])
    t.match(replayed, { exitCode: 1, stdout: /it failed in the same way/ })
    const other = await conform(...only, '--report', `${directory}/other`)
    t.equal(other.exitCode, 0)
    const files = ['other', 'report'].map((name) => `${directory}/${name}/results.json`)
    const comparison = await criuRemote(['compare', ...files, '--regressions'])
    t.match(comparison, { exitCode: 1, stdout: new RegExp(failed[0].id) })
  },
)

t.test('a role that no selected case needs is not started', { buffered: true }, async (t) => {
  const file = `${directory}/cache-only.json`
  const { cache, environment } = referenceDescriptor(localHost())
  writeFileSync(
    file,
    JSON.stringify({ name: 'cache', cache, environment, proxy: { command: ['false'] } }),
  )
  t.match(await conform('-i', file, '--only', 'cache-socket'), { exitCode: 0 })
})

t.test(
  'cases before the proxy do not apply to a cache that waits for it',
  { buffered: true },
  async (t) => {
    const code = `
const net = require('node:net')
const [socket, port] = process.argv.slice(1)
net.createServer(() => net.createServer().listen(socket)).listen(port)`
    const file = `${directory}/late.json`
    const command = [process.execPath, '-e', code, '{socket}', '{port}']
    writeFileSync(file, JSON.stringify({ name: 'late', cache: { command } }))
    const only = ['--only', 'cache-waits-without-a-proxy', '--only', 'cache-finish-without-a-proxy']
    const { exitCode, stdout } = await conform('-i', file, ...only)
    t.equal(exitCode, 3, 'no case decided anything')
    t.match(stdout, /late: 2 not-applicable/)
  },
)

t.test(
  'a cache that ends at the finish of the restore before a proxy came fails',
  { buffered: true },
  async (t) => {
    const code = `
const net = require('node:net')
const [socket, port] = process.argv.slice(1)
const link = net.createServer(() => {}).listen(port, '127.0.0.1')
const end = () => link.close() && process.exit(0)
net.createServer((client) => client.once('data', end)).listen(socket)`
    const file = `${directory}/early.json`
    const command = [process.execPath, '-e', code, '{socket}', '{port}']
    writeFileSync(file, JSON.stringify({ name: 'early', cache: { command } }))
    const { exitCode, stdout } = await conform('-i', file, '--only', 'cache-finish-without-a-proxy')
    t.equal(exitCode, 1, 'not inconclusive')
    t.match(stdout, /a connection: the cache waits for its proxy \[C4\]/)
    t.match(stdout, /no connection: the cache had ended with exit 0/)
  },
)

t.test('a daemon that does not listen in a later start fails', { buffered: true }, async (t) => {
  const file = `${directory}/once.json`
  const started = `${directory}/started-once`
  const { proxy: reference, environment } = referenceDescriptor(localHost())
  const once = `[ -e ${started} ] && exec sleep 60; : > ${started}; exec "$@"`
  const command = ['sh', '-c', once, 'sh', ...(reference?.command ?? [])]
  writeFileSync(file, JSON.stringify({ name: 'once', proxy: { command }, environment }))
  const only = ['--only', 'proxy-read-missing', '--repeat', '2']
  const { exitCode, stdout } = await conform('-i', file, ...only)
  t.equal(exitCode, 1, 'not inconclusive')
  t.match(stdout, /the start of the proxy\n.*\n.*it listens, as it did in an earlier case \[L1\]/)
})

t.test(
  'a helper that outlives its daemon delays no case, is named, and is ended',
  { buffered: true },
  async (t) => {
    const file = `${directory}/helper.json`
    const helper = `${directory}/helper.sh`
    const { proxy: reference, environment } = referenceDescriptor(localHost())
    writeFileSync(helper, 'trap "" PIPE; while :; do echo "the helper runs" >&2; sleep 0.01; done')
    const command = [
      ...['sh', '-c', `setsid sh ${helper} & exec "$@"`, 'sh'],
      ...(reference?.command ?? []),
    ]
    writeFileSync(file, JSON.stringify({ name: 'helper', proxy: { command }, environment }))
    const cases = ['proxy-leaves-nothing', 'proxy-read-missing', 'P1', 'L4', 'L5']
    const only = cases.flatMap((each) => ['--only', each])
    const { exitCode, stdout } = await conform('-i', file, ...only)
    t.equal(exitCode, 0, 'a leftover is a warning')
    t.match(stdout, new RegExp(`process \\d+ \\(sh ${helper}\\)`), 'the helper is named')
    const [, passes = 0, seconds = 0] = /(\d+) pass.*, in ([\d.]+) s/.exec(stdout) ?? []
    t.ok(Number(seconds) < 5 + Number(passes) * 2, `${seconds} s for ${passes} cases`)
    const left = readdirSync('/proc').filter(
      (pid) => /^\d+$/.test(pid) && textOf(`/proc/${pid}/cmdline`).includes(helper),
    )
    t.same(left, [], 'no helper is left')
  },
)

/** Runs `criu-remote conform`; at most ten minutes. */
function conform(...parameters: string[]) {
  return criuRemote(['conform', ...parameters], { timeout: 600_000 })
}
