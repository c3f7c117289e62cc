import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { execa } from 'execa'
import t from 'tap'
import { checkout } from '../hosts/checkout.ts'
import { main, node } from '../testing/criu-remote.ts'

/* Whatever is wrong with an implementation or with a run, the exit code is not 0, and is the one that is promised. */

const directory = mkdtempSync('/tmp/criu-remote-greens-')
t.teardown(() => rmSync(directory, { recursive: true }))

/** A proxy that connects and listens as it should, and treats its clients by `serve`. */
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
  t.test(`${name}: exit ${expected[name][0]}`, async (t) => {
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
    )
    t.equal(exitCode, expected[name][0], stderr)
    t.match(stdout + stderr, expected[name][1])
  })
}

t.test(
  'nothing selected, a wrong descriptor, a wrong baseline, a wrong level: exit 2',
  async (t) => {
    writeFileSync(`${directory}/no-roles.yaml`, 'name: x')
    writeFileSync(
      `${directory}/unknown.yaml`,
      'entries: [{case: no-such-case, signature: a, reason: b, expires: 2999-01-01}]',
    )
    for (const [parameters, text] of [
      [['--only', 'no-such-case'], /no case matches --only no-such-case/],
      [['--only', 'proxy-*', '--role', 'cache'], /nothing is left/],
      [['--only', 'proxy-image-of-*-gib'], /nothing is left/],
      [['-i', `${directory}/no-roles.yaml`], /must have required property/],
      [['-i', `${directory}/none.yaml`], /none\.yaml/],
      [['--baseline', `${directory}/unknown.yaml`], /no case no-such-case/],
      [['--failed-from', `${directory}/no-roles.yaml`], /no-roles\.yaml/],
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
  'a stale baseline fails the run; one that holds does not; a record is replayed',
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
      'as known',
    )
    t.match(
      await conform(...only, '--baseline', `${directory}/known.yaml`),
      { exitCode: 1, stdout: /unexpected-pass/ },
      'but not any more',
    )
    const results = JSON.parse(readFileSync(`${directory}/report/results.json`, 'utf8'))
    const failed = results.cases.filter((each: { outcome: string }) => each.outcome === 'fail')
    const again = await conform('-i', faulty, '--failed-from', `${directory}/report/results.json`)
    t.match(
      again,
      { exitCode: 1, stdout: new RegExp(`faulty: ${failed.length} fail, in`) },
      'only what failed runs again',
    )
    const replayed = await execa(
      node,
      [...main, 'replay', `${directory}/report/traces/${failed[0].id}.json`],
      { reject: false },
    )
    t.match(replayed, { exitCode: 1, stdout: /it failed in the same way/ })
    const other = await conform(...only, '--report', `${directory}/other`)
    t.equal(other.exitCode, 0)
    const comparison = await execa(
      node,
      [
        ...main,
        'compare',
        `${directory}/other/results.json`,
        `${directory}/report/results.json`,
        '--regressions',
      ],
      { reject: false },
    )
    t.match(comparison, { exitCode: 1, stdout: new RegExp(failed[0].id) })
  },
)

function conform(...parameters: string[]) {
  return execa(node, [...main, 'conform', ...parameters], {
    reject: false,
    stdin: 'ignore',
    timeout: 600_000,
  })
}
