import t from 'tap'
import { criuVariables } from '../../harness/criu/breakpoints.ts'
import { checkout } from '../../harness/hosts/checkout.ts'
import { type Host, run, shell } from '../../harness/hosts/host.ts'
import { onRealCriu } from '../../harness/testing/real-criu.ts'
import { decodeDumpStatistics } from '../../proto/index.ts'

/*
 * `zdtm-mode/criu-bin/criu`, called as zdtm.py calls its --criu-bin: with a directory for each
 * step, whose files are counted after each dump.
 */

const CRIU = `${checkout}/zdtm-mode/criu-bin/criu`
const SERIES = '/run/dump/zdtm/static/counter'

await onRealCriu(async ({ source, program }) => {
  const node = source.node[0] as string
  const environment = { CRIU_REMOTE_NODE: node, ...(await criuVariables(source)) }
  const criu = (action: string, directory: string, ...options: string[]) => {
    const words = [
      '--no-default-config',
      '--log-file',
      `${action}.log`,
      '--images-dir',
      directory,
      '--verbosity=4',
      ...options,
    ]
    return run(source, [CRIU, action, ...words], {
      environment,
      timeout: 120_000,
      workingDirectory: '/run',
    })
  }

  await t.test('a dump, the count of its pages, and a restore work twice', async (t) => {
    const { pid } = await program('counter', 4)
    for (const step of [1, 2]) {
      const directory = `dump/zdtm/static/counter/${pid}/${step}`
      await shell(source, 'mkdir -p "$1" && echo words > "$1/dump.cropt"', [`/run/${directory}`])
      const dump = await criu(
        'dump',
        directory,
        '--tree',
        String(pid),
        '--timeout',
        '10',
        '--pre-dump-mode',
        'splice',
      )
      t.equal(dump.code, 0, dump.stderr)
      t.equal(
        await pagesWritten(source, directory),
        await bytesOfPages(source, directory),
        'as many pages as the statistics say',
      )
      t.equal((await run(source, ['kill', '-0', String(pid)])).code, 1, 'the process is gone')
      const pidFile = `/run/restored-${step}.pid`
      const restore = await criu('restore', directory, '--restore-detached', '--pidfile', pidFile)
      t.equal(restore.code, 0, restore.stderr)
      t.equal(
        (await shell(source, 'kill -0 "$(cat "$1")" && cat "$1"', [pidFile])).trim(),
        String(pid),
        'it runs again',
      )
      const left = await shell(source, 'ls "$1"; grep -c " fuse" /proc/mounts || :', [
        `/run/${directory}`,
      ])
      t.match(
        left,
        /dump\.cropt\ndump\.log\nrestore\.log\nstats-dump\nstats-restore\n0/,
        'logs stay; links and mounts go',
      )
      t.notMatch(left, /\.img/)
    }
  })

  await t.test('a failed dump is reported and can be repeated', async (t) => {
    const { pid } = await program('counter', 4)
    const directory = `${SERIES}/failing/1`
    await shell(source, 'mkdir -p "$1"', [directory])
    t.not((await criu('dump', directory, '--tree', '1')).code, 0)
    const again = await criu('dump', directory, '--tree', String(pid))
    t.equal(again.code, 0, again.stderr)
    t.equal((await criu('restore', directory, '--restore-detached')).code, 0)
  })

  await t.test('an option that needs images in files is refused', async (t) => {
    for (const [action, ...options] of [
      ['page-server'],
      ['dedup'],
      ['dump', '--stream'],
      ['restore', '--restore-sibling'],
    ] as const) {
      const { code, stderr } = await criu(action, SERIES, ...options)
      t.equal(code, 1)
      t.match(stderr, /^criu-remote: criu .*: expected a plain dump/m)
    }
  })

  await t.test('an action without images is passed to the real criu', async (t) => {
    t.match((await run(source, [CRIU, '--version'])).stdout, /^Version: /)
  })
})

async function pagesWritten(host: Host, directory: string): Promise<number> {
  const text = await shell(host, 'base64 -w0 "$1"', [`/run/${directory}/stats-dump`])
  return decodeDumpStatistics(Buffer.from(text, 'base64')).written
}

async function bytesOfPages(host: Host, directory: string): Promise<number> {
  const sizes = await shell(host, 'stat -Lc %s "$1"/pages-*', [`/run/${directory}`])
  return (
    sizes
      .trim()
      .split('\n')
      .reduce((sum, size) => sum + Number(size), 0) / 4096
  )
}
