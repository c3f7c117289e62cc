import { execa } from 'execa'
import t from 'tap'
import { checkout, criuRemoteCommand } from '../harness/hosts/checkout.ts'
import { onRealCriu } from '../scenarios/real.ts'

/* `criu-remote zdtm run` as a user runs it. */

const [node, ...main] = criuRemoteCommand(process.execPath) as [string, ...string[]]
const zdtm = (...parameters: string[]) => execa(node, [...main, 'zdtm', 'run', ...parameters], { reject: false })

await onRealCriu(async () => {
  await t.test('programs in all flavors, from one host to another', async (t) => {
    const { exitCode, stdout } = await zdtm('-t', 'static/env', '-t', 'static/pipes', '-t', 'transition/writer', '--hosts', '2', '-p', '2')
    t.equal(exitCode, 0, stdout)
    t.match(stdout, /reference: 9 pass/)
  })

  await t.test('pre-dumps, on a kernel that tracks memory: in a guest where this machine has none', async (t) => {
    const programs = ['-t', 'static/env', '-t', 'transition/writer', '-t', 'static/vanish']
    const { exitCode, stdout } = await zdtm(...programs, '-f', 'h,ns', '--pre', '2', '--kernel', 'auto', '--keep-going', '-p', '2')
    t.equal(exitCode, 0, stdout)
    t.match(stdout, /reference: 6 pass/)
  })

  await t.test('a kernel that is none is the harness that failed, with the reason in one line', async (t) => {
    const { exitCode, stderr } = await zdtm('-t', 'static/env', '-f', 'h', '--kernel', checkout)
    t.equal(exitCode, 3)
    t.match(stderr, /^criu-remote: using the kernel .*: expected a Debian kernel package with boot\/vmlinuz-VERSION, found none$/)
  })
})
