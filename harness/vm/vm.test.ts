import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import t from 'tap'
import { oneContainer } from '../hosts/container.ts'
import { type Host, shell } from '../hosts/host.ts'
import { IMAGE_KERNEL } from './guest.ts'
import { startInVm } from './vm.ts'

/*
 * A guest in a container runs a command like the container itself, on another kernel. A kernel that
 * does not boot gives its reason.
 */

const directory = mkdtempSync('/tmp/criu-remote-')
t.teardown(() => rmSync(directory, { recursive: true, force: true }))
const none = `${directory}/none.deb`
writeFileSync(none, 'no kernel')

const left = process.env['CRIU_REMOTE_NO_CONTAINERS']
const host = left
  ? new Error(left)
  : await oneContainer({ mounts: [none] }).catch((thrown: Error) => thrown)
if (host instanceof Error) {
  await t.test('a guest in a container', { skip: host.message }, async () => {})
} else {
  t.teardown(() => host.stop())

  await t.test(
    'a command has its output, its exit code, another kernel and soft-dirty',
    async (t) => {
      const shared = await host.directory()
      await shell(host, 'echo of the host >"$1/file"', [shared])
      const lines: string[] = []
      const script =
        'uname -r; cat "$1/file"; criu check --feature mem_dirty_track; echo to stderr >&2; exit 7'
      const guest = await startIn(
        host,
        { shares: [shared], command: ['sh', '-c', script, 'sh', shared] },
        (line) => lines.push(line),
      )
      const { code, stderr } = await guest.exited
      t.equal(code, 7)
      t.match(stderr, /to stderr/)
      t.match(lines, [/^6\.12\..*cloud-amd64$/, 'of the host', /mem_dirty_track is supported/])
      const release = await shell(host, 'uname -r')
      t.not(lines[0], release.trim(), 'the host has a different kernel')
    },
  )

  await t.test('a guest that panics ends, with the reason in one line', async (t) => {
    const guest = await startIn(host, {
      shares: [],
      command: ['sh', '-c', 'echo c >/proc/sysrq-trigger; sleep 100'],
    })
    await t.rejects(guest.exited, {
      name: 'HostError',
      message: /^running a command on kernel .*: Kernel panic - .*sysrq[^\n]*$/,
    })
  })

  await t.test('a path without a kernel is refused, with the reason in one line', async (t) => {
    for (const [kernel, message] of [
      [none, /^unpacking the kernel .*none.deb: expected a Debian package[^\n]*$/],
      ['/usr', /^using the kernel \/usr: expected a Debian kernel package[^\n]*$/],
      ['/nowhere', /^using the kernel \/nowhere: there is no such file or directory$/],
    ] as const)
      await t.rejects(startIn(host, { kernel, shares: [], command: ['true'] }), {
        name: 'HostError',
        message,
      })
  })
}

function startIn(
  host: Host,
  options: { kernel?: string; shares: string[]; command: string[] },
  onLine?: (line: string) => void,
) {
  return startInVm(host, { kernel: IMAGE_KERNEL, ...options }, onLine)
}
