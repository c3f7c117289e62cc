import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { release, tmpdir } from 'node:os'
import t from 'tap'
import type { Results } from '../harness/conformance/result.ts'
import { checkout } from '../harness/hosts/checkout.ts'
import { onRealCriu } from '../harness/testing/real-criu.ts'
import { planned, zdtm } from '../harness/testing/zdtm.ts'

/* `criu-remote zdtm run` as a user runs it. */

const report = mkdtempSync(`${tmpdir()}/criu-remote-test-`)
t.teardown(() => rmSync(report, { recursive: true }))

/** CRIU 4.1.1 can't dump Internet sockets on Linux 6.16 and later (criu#2705): they are run in the guest. */
const [major = 0, minor = 0] = release().split('.').map(Number)
const INTERNET = ['tcp', 'tcp_listen', 'udp']
const without =
  major > 6 || (major === 6 && minor >= 16)
    ? INTERNET.flatMap((name) => ['-x', `static/${name}$`])
    : []

await onRealCriu(async () => {
  for (const hosts of ['1', '2'])
    await t.test(
      `all programs in all flavors, source and destination ${hosts === '1' ? 'the same host' : 'two hosts'}`,
      async (t) => {
        const all = ['-a', ...without]
        const names = await planned(...all)
        const { exitCode, stdout } = await zdtm(
          ...all,
          '--hosts',
          hosts,
          '-p',
          '2',
          '--keep-going',
          '--report',
          report,
        )
        t.equal(exitCode, 0, stdout)
        const { counts } = JSON.parse(readFileSync(`${report}/results.json`, 'utf8')) as Results
        t.equal(counts.pass, names.length, 'each test of each flavor')
        t.ok(counts.pass > 100)
      },
    )

  await t.test(
    'a run that is ended by a signal tells of the tests that were done, and is not green',
    async (t) => {
      const programs = ['-t', 'static/env', '-t', 'static/files', '-f', 'h', '--report', report]
      const running = zdtm(...programs)
      running.stdout.on(
        'data',
        (text: Buffer) => /^pass/m.test(String(text)) && running.kill('SIGTERM'),
      )
      const { exitCode } = await running
      t.equal(exitCode, 3)
      const { cases } = JSON.parse(readFileSync(`${report}/results.json`, 'utf8')) as Results
      const [done, other] = cases
      t.match(done, { id: 'zdtm-static-env-h', outcome: 'pass' })
      t.match(other, {
        id: 'zdtm-static-files-h',
        outcome: 'inconclusive',
        actual: /^not run to its end: ended by SIGTERM$/,
      })
    },
  )

  await t.test(
    'a kernel that is none is the harness that failed, with the reason in one line',
    async (t) => {
      const { exitCode, stderr } = await zdtm(
        '-t',
        'static/env',
        '-f',
        'h',
        '--kernel',
        `${checkout}/fixtures`,
      )
      t.equal(exitCode, 3)
      t.match(
        stderr,
        /^criu-remote: using the kernel .*: expected a Debian kernel package with boot\/vmlinuz-VERSION, found none$/,
      )
    },
  )
})
