import { execa } from 'execa'
import t from 'tap'
import { criuRemoteCommand } from '../harness/hosts/checkout.ts'
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
})
