import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import { execa } from 'execa'
import t from 'tap'
import { criuRemote, main, node } from '../testing/criu-remote.ts'

/* The command `conform` in odd surroundings: signals, limits, environments, and odd processes. */

const directory = mkdtempSync('/tmp/criu-remote-conform-')
t.teardown(() => rmSync(directory, { recursive: true }))

const isAlive = (pid: number) => existsSync(`/proc/${pid}/cwd`)

/** Writes a descriptor of a proxy that runs this code of Node, and returns its path. */
function proxy(name: string, code: string): string {
  const file = `${directory}/${name}.json`
  const command = [process.execPath, '-e', code, '{socket}', '{host}', '{port}']
  writeFileSync(file, JSON.stringify({ name, proxy: { command } }))
  return file
}

/** A proxy that takes connections, answers none, and writes its pid and directory to a file. */
const hanging = (place: string) => `
const [socket, host, port] = process.argv.slice(1)
require('node:net').connect({ host, port }).on('error', () => {})
require('node:net').createServer((client) => {
  client.on('error', () => {})
  require('node:fs').writeFileSync('${place}', process.pid + ' ' + process.cwd())
}).listen(socket)`

/** Waits for a file, and returns its text. */
async function textOf(file: string): Promise<string> {
  while (!existsSync(file) || readFileSync(file, 'utf8') === '') await pause(20)
  return readFileSync(file, 'utf8')
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  t.test(`${signal} prints a partial verdict, writes the report and leaves nothing`, async (t) => {
    const place = `${directory}/${signal}`
    const file = proxy(`hanging-${signal}`, hanging(place))
    const report = `${directory}/report-${signal}`
    const words = ['conform', '-i', file, '--only', 'proxy-read-*', '--report', report]
    const running = execa(node, [...main, ...words], { reject: false, stdin: 'ignore' })
    const [pid, own] = (await textOf(place)).split(' ') as [string, string]
    running.kill(signal)
    const { exitCode, stdout } = await running
    t.equal(exitCode, 3)
    const reason = `not run: the run was interrupted by ${signal}`
    t.match(stdout, new RegExp(`undecided \\(0 of \\d+ cases; .*; \\d+ ${reason}\\)$`))
    t.match(JSON.parse(readFileSync(`${report}/results.json`, 'utf8')), { verdict: 'undecided' })
    t.notOk(isAlive(Number(pid)), 'no process')
    t.notOk(existsSync(own), 'no directory')
  })
}

t.test(
  'a signal after some cases passed tells them apart from those that did not run',
  async (t) => {
    const starts = `${directory}/starts`
    const count = ['sh', '-c', `echo >>${starts}; exec "$@"`, 'sh']
    const command = [...count, node, ...main, 'proxy', '--socket', '{socket}']
    const proxyCommand = [...command, '--connect', '{host}:{port}']
    const file = `${directory}/counted.json`
    writeFileSync(file, JSON.stringify({ name: 'counted', proxy: { command: proxyCommand } }))
    const words = ['conform', '-i', file, '--role', 'proxy', '--jobs', '1']
    // env becomes Node without tap's hooks, which listen for signals in every child.
    const bare = ['-u', 'NODE_OPTIONS', node, ...main, ...words]
    const running = execa('env', bare, { reject: false, stdin: 'ignore' })
    while ((await textOf(starts)).length < 4) await pause(20)
    running.kill('SIGTERM')
    const { exitCode, stdout } = await running
    t.equal(exitCode, 3)
    t.match(stdout, /^counted: \d+ pass, .*\d+ not-run, in/m)
    t.match(
      stdout,
      /undecided \(\d+ of \d+ cases; .*not run: the run was interrupted by SIGTERM\)$/,
    )
  },
)

t.test('a proxy that exits while its child holds its output ends the run at once', async (t) => {
  const place = `${directory}/child`
  const child = `
const { pid } = require('node:child_process').spawn('sleep', ['600'], { stdio: 'inherit' })
require('node:fs').writeFileSync('${place}', String(pid))
console.error('no such device')
process.exit(7)`
  const words = ['conform', '-i', proxy('parent', child), '--only', 'proxy-read-back']
  const { exitCode, stderr } = await criuRemote(words, { timeout: 60_000 })
  t.equal(exitCode, 3)
  t.match(stderr, /ended at once, exit 7: no such device/)
  await pause(100)
  t.notOk(isAlive(Number(await textOf(place))), 'and its child ends with the run')
})

t.test('--bail ends the run, and the other cases are not run', async (t) => {
  const file = proxy('closing', hanging('/dev/null').replace('client.on(', 'client.end().on('))
  const only = ['--only', 'proxy-read-missing', '--only', 'proxy-read-again']
  const words = ['-i', file, ...only, '--jobs', '1', '--bail', '1', '--all']
  const { exitCode, stdout, stderr } = await criuRemote(['conform', ...words])
  t.equal(exitCode, 1)
  t.match(stdout, /1 not run: the run ended after 1 of its cases had failed\)$/)
  t.match(stderr, /^FAIL proxy-read-missing: .* \[1 of 2: 1 fail\]$/m)
})

t.test('a failed basic case blocks the other cases of its role, but not with --all', async (t) => {
  const file = proxy('hanging', hanging('/dev/null'))
  const only = ['--only', 'proxy-read-missing', '--only', 'proxy-read-back']
  const words = ['conform', '-i', file, ...only, '--timeout', '1']
  const blocked = await criuRemote(words)
  t.match(blocked.stdout, /FAIL proxy-read-back.*1 fail, 1 blocked/s)
  t.match(blocked.stdout, /^not conformant \(1 of .*; 1 blocked by failures: --all\)$/m)
  t.match((await criuRemote([...words, '--all'])).stdout, /hanging: 2 fail, in/)
})

t.test('the command of a failure repeats it when it is pasted', async (t) => {
  const file = proxy('pasted', hanging('/dev/null').replace('client.on(', 'client.end().on('))
  const words = ['-i', file, '--role', 'proxy', '--timeout', '77', '--only', 'proxy-read-missing']
  const first = await criuRemote(['conform', ...words])
  t.equal(first.exitCode, 1)
  const [, again = ''] = /again: (.*)/.exec(first.stdout) ?? []
  t.match(again, /--role proxy --timeout 77 --only proxy-read-missing --seed \d+$/)
  const second = await execa('sh', ['-c', again], { reject: false })
  t.equal(second.exitCode, 1)
  t.match(second.stdout, /FAIL proxy-read-missing/)
})

const start = [node, ...main].join(' ')
const one = `${start} conform --only proxy-read-back`

for (const [name, command, text] of [
  ['64 descriptors', `ulimit -n 64; ${one}`, /at least 384 open files/],
  ['1024 descriptors for all cases', `ulimit -n 1024; ${start} conform`, /at least \d+ open files/],
  ['no network', `unshare -n ${one}`, /connecting to 127.0.0.1 on this machine/],
] as const) {
  const skip = command.startsWith('unshare') && process.getuid?.() !== 0 && 'needs root'
  t.test(`with ${name} no case begins, and the exit code is 3`, { skip }, async (t) => {
    const { exitCode, stdout, stderr } = await execa('bash', ['-c', command], { reject: false })
    t.equal(exitCode, 3)
    t.match(stderr, text)
    t.equal(stdout, '', 'no verdict')
  })
}

const spaces = `${directory}/with some spaces`
const long = `${directory}/${'x'.repeat(160 - directory.length - 1)}`
for (const [name, command] of [
  ['1024 descriptors', `ulimit -n 1024; ${one}`],
  ['a TMPDIR with spaces', `TMPDIR='${spaces}' ${one}`],
  ['a TMPDIR of 160 bytes', `TMPDIR='${long}' ${one}`],
  ['a TMPDIR that is absent', `TMPDIR='${directory}/absent' ${one}`],
  ['umask 077', `umask 077; ${one}`],
  ['no HOME', `unset HOME; ${one}`],
  ['an empty environment', `env -i ${one}`],
] as const) {
  t.test(`one case of the reference passes with ${name}`, async (t) => {
    for (const each of [spaces, long]) mkdirSync(each, { recursive: true })
    const { exitCode, stdout, stderr } = await execa('bash', ['-c', command], { reject: false })
    t.equal(exitCode, 0, stderr)
    t.match(stdout, /^conformant \(1 of \d+ cases; selected by --only proxy-read-back\)$/m)
  })
}
