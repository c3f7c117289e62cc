import { mkdtempSync, rmSync } from 'node:fs'
import { release, tmpdir } from 'node:os'
import t from 'tap'
import { checkout } from '../harness/hosts/checkout.ts'
import { onRealCriu } from '../harness/testing/real-criu.ts'
import { leaveToAll, tier } from '../harness/testing/tier.ts'
import { casesIn, onceEach, planned, runTests, zdtm } from '../harness/testing/zdtm.ts'

/*
 * `criu-remote zdtm run` as a user runs it. In the usual tier each program runs in one flavor, on
 * one host or two; in the tier `all`, each in every flavor, on one host and on two.
 */

/**
 * CRIU 4.1.1 can't dump Internet sockets on Linux 6.16 and later (criu#2705): they run in the
 * guest.
 */
const [major = 0, minor = 0] = release().split('.').map(Number)
const INTERNET = ['tcp', 'tcp_listen', 'udp']
const without =
  major > 6 || (major === 6 && minor >= 16)
    ? INTERNET.flatMap((name) => ['-x', `static/${name}$`])
    : []

await onRealCriu(async () => {
  const every = await planned('-a', ...without)
  const selected = tier === 'all' ? { '1': every, '2': every } : onceEach(every, 0)

  await t.test('there are at least 38 programs in 100 flavors', async (t) => {
    t.ok(every.length >= 100)
    t.ok(new Set(every.map((line) => line.split(' ')[0])).size >= 38)
    const run = selected['1'].length + selected['2'].length
    leaveToAll(t, every.length * 2 - run, 'programs in other flavors or numbers of hosts, plain')
  })

  for (const hosts of ['1', '2'] as const)
    await t.test(
      `programs run right after a migration, source and destination ${hosts === '1' ? 'the same host' : 'two hosts'}`,
      async (t) => {
        const tests = selected[hosts]
        const { exitCode, said, passed } = await runTests(tests, '--hosts', hosts)
        t.equal(exitCode, 0, said)
        t.equal(passed.length, tests.length, 'each test passes')
      },
    )

  await t.test('a run that a signal ends reports the finished tests and exits 3', async (t) => {
    const report = mkdtempSync(`${tmpdir()}/criu-remote-test-`)
    t.teardown(() => rmSync(report, { recursive: true }))
    const programs = ['-t', 'static/env', '-t', 'static/files', '-f', 'h', '--report', report]
    const running = zdtm(...programs)
    running.stdout.on(
      'data',
      (text: Buffer) => /^pass/m.test(String(text)) && running.kill('SIGTERM'),
    )
    const { exitCode } = await running
    t.equal(exitCode, 3)
    const [finished, other] = await casesIn(report)
    t.match(finished, { id: 'zdtm-static-env-h', outcome: 'pass' })
    t.match(other, {
      id: 'zdtm-static-files-h',
      outcome: 'inconclusive',
      actual: /^not run to its end: ended by SIGTERM$/,
    })
  })

  await t.test(
    'a directory that is no kernel package exits 3 with the reason in one line',
    async (t) => {
      const kernel = `${checkout}/fixtures`
      const { exitCode, stderr } = await zdtm('-t', 'static/env', '-f', 'h', '--kernel', kernel)
      t.equal(exitCode, 3)
      t.match(
        stderr,
        /^criu-remote: using the kernel .*: expected a Debian kernel package with boot\/vmlinuz-VERSION, found none$/,
      )
    },
  )
})
