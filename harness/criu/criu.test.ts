import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import t from 'tap'
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

t.test('the error before a long clean-up is the reason, and in the tail', async (t) => {
  const work = mkdtempSync(`${tmpdir()}/criu-remote-test-`)
  const host = localHost()
  t.teardown(async () => {
    rmSync(work, { recursive: true })
    await host.stop()
  })
  const program = `${work}/criu`
  writeFileSync(program, SCRIPT)
  chmodSync(program, 0o755)
  const failing = criu('dump', {
    host,
    criu: program,
    images: work,
    work,
    options: [],
    timeout: 20_000,
  })
  const thrown = (await failing.catch((thrown: Error) => thrown)) as Error & { tail: string }
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
