import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import t, { type Test } from 'tap'
import { checkout } from '../harness/hosts/checkout.ts'
import { getContainerRuntimeClient } from '../harness/hosts/docker.ts'
import { defaultImage } from '../harness/hosts/image.ts'
import { criuRemote, main, node } from '../harness/testing/criu-remote.ts'
import { onRealCriu } from '../harness/testing/real-criu.ts'

/* `criu-remote migrate` as a user runs it, and its containers after it was killed. */

const LOOP = 'while :; do sleep 1; done'

await onRealCriu(async () => {
  await t.test('one command migrates a shell loop, and its last line is the result', async (t) => {
    const { exitCode, stdout, stderr } = await criuRemote(['migrate', '--command', LOOP])
    t.equal(exitCode, 0, stderr)
    const lines = stdout.split('\n')
    t.match(lines.slice(0, -1), [
      /runs on source/,
      /connected/,
      /^dump/,
      /every image is in the cache/,
      /^restore: .* runs on destination/,
    ])
    const result = JSON.parse(lines.at(-1) as string)
    t.match(result, {
      migrated: true,
      pid: Number,
      images: Number,
      bytes: Number,
      filesOnDisk: 0,
      frozenMs: Number,
      totalMs: Number,
    })
    t.ok(
      result.images > 10 &&
        result.bytes > 100_000 &&
        result.frozenMs > 0 &&
        result.totalMs > result.frozenMs,
    )
    t.notOk(
      (stdout + stderr).includes('\u001b'),
      'output that is no terminal has no colours and no bar',
    )
  })

  await t.test('doctor finds that a migration can run here', async (t) => {
    const { exitCode, stdout } = await criuRemote(['doctor', '--json'])
    t.equal(exitCode, 0)
    const findings = JSON.parse(stdout) as {
      what: string
      ok: boolean
      needed: boolean
      found: string
    }[]
    t.same(
      findings.filter(({ needed, ok }) => needed && !ok),
      [],
    )
    t.match(findings.find(({ what }) => what === 'criu')?.found, /Version: \d/)
  })

  await t.test('a descriptor selects another implementation', async (t) => {
    const descriptor = `${checkout}/fixtures/implementations/reference-criu-2019.yaml`
    const words = ['migrate', '--command', LOOP, '-i', descriptor]
    const { exitCode, stdout, stderr } = await criuRemote(words)
    t.equal(exitCode, 0, stderr)
    t.match(JSON.parse(stdout.split('\n').at(-1) as string), { migrated: true })
  })

  await t.test('a missing command, criu or image is an error of one line', async (t) => {
    for (const [parameters, text] of [
      [['--command', 'exec /no/such/program'], /ended at once/],
      [['--command', LOOP, '--criu', '/no/criu'], /\/no\/criu/],
      [['--command', LOOP, '--image', 'no-such-image:none'], /no-such-image/],
    ] as const) {
      const { exitCode, stderr } = await criuRemote(['migrate', ...parameters])
      t.equal(exitCode, 3)
      t.match(stderr, text)
      t.equal(stderr.split('\n').length, 1, stderr)
    }
  })

  for (const [signal, phase] of [
    ['SIGKILL', /^proxy and cache are connected/],
    ['SIGKILL', /^dump/],
    ['SIGINT', /^dump/],
  ] as const) {
    await t.test(
      `a run killed by ${signal} at "${phase.source}" leaves no container and no process`,
      (t) => leavesNothing(t, signal, phase),
    )
  }
})

/** Kills a run when it prints a line of this phase, and waits until its containers are gone. */
async function leavesNothing(t: Test, signal: 'SIGKILL' | 'SIGINT', phase: RegExp): Promise<void> {
  const image = await taggedImage(t)
  const child = spawn(node, [...main, 'migrate', '--command', LOOP, '--image', image], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  for await (const line of createInterface(child.stdout)) if (phase.test(line)) break
  t.equal(await containersOf(image), 2)
  child.kill(signal)
  await once(child, 'exit')
  for (const deadline = Date.now() + 20_000; (await containersOf(image)) > 0; ) {
    if (Date.now() > deadline) throw new Error('containers are left')
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  t.pass('its containers and their processes are gone')
}

/** Tags the host image with a name of this test, so that its containers can be told from others. */
async function taggedImage(t: Test): Promise<string> {
  const { dockerode } = (await getContainerRuntimeClient()).container
  const name = { repo: 'criu-remote-test', tag: `${process.pid}-${Date.now()}` }
  await dockerode.getImage(defaultImage()).tag(name)
  const image = `${name.repo}:${name.tag}`
  t.teardown(() => dockerode.getImage(image).remove())
  return image
}

/** Returns the number of containers that run an image. */
async function containersOf(image: string): Promise<number> {
  const client = await getContainerRuntimeClient()
  return (await client.container.list()).filter(({ Image }) => Image === image).length
}
