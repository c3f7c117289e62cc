import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import t, { type Test } from 'tap'
import { localHost } from '../hosts/local.ts'
import { criu } from './criu.ts'

/*
 * A failure of criu gives its reason in one line, and its log. A script replaces criu, because the
 * test needs a log of known length.
 */

const SCRIPT = `#!/bin/sh
for each; do case $before in -W) work=$each;; -o) log=$each;; esac; before=$each; done
{
  echo '(00.000100) Error (criu/util.c:1533): of no importance'
  echo '(00.000200) Error (criu/sk-inet.c:100): the reason'
  seq -f '(00.0003%g) a line of the clean-up' 10 80
  echo '(00.000400) Error (criu/cr-dump.c:2111): Dumping FAILED.'
} >"$work/$log"
exit 1
`

/** Runs a script in place of criu, with a log of an earlier dump; returns its error. */
async function failureOf(t: Test, script: string): Promise<Error & { tail: string }> {
  const work = mkdtempSync(`${tmpdir()}/criu-remote-test-`)
  const host = localHost()
  t.teardown(async () => {
    rmSync(work, { recursive: true })
    await host.stop()
  })
  const program = `${work}/criu`
  writeFileSync(program, script)
  chmodSync(program, 0o755)
  writeFileSync(`${work}/dump.log`, 'Dumping finished successfully\n')
  const run = { host, criu: program, images: work, work, options: [], timeout: 20_000 }
  return (await criu('dump', run).catch((thrown: Error) => thrown)) as Error & { tail: string }
}

t.test('the error before a long clean-up is the reason, and in the tail', async (t) => {
  const thrown = await failureOf(t, SCRIPT)
  t.match(thrown, {
    name: 'CriuError',
    message:
      'criu dump on this machine: exit 1: (00.000200) Error (criu/sk-inet.c:100): the reason',
  })
  const lines = thrown.tail.trim().split('\n')
  t.equal(lines.length, 42, 'the last 40 lines and two errors')
  t.match(lines[1], /the reason/)
  t.match(lines.at(-1), /Dumping FAILED/)
})

t.test('a criu that fails before it opens its log is not reported with an old log', async (t) => {
  const thrown = await failureOf(t, '#!/bin/sh\necho no such option >&2\nexit 1\n')
  t.equal(thrown.tail.trim(), 'no such option')
})
