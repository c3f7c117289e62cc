import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import t, { type Test } from 'tap'
import { checkout } from './checkout.ts'
import { containerPair, existingContainer } from './container.ts'
import { getContainerRuntimeClient } from './docker.ts'
import { type Completed, type Host, run, shell } from './host.ts'
import { defaultImage } from './image.ts'
import { localHost } from './local.ts'

/* Both kinds of hosts behave in the same way, and neither leaves a process, file or container. */

/** Opens a pair of containers, prints their addresses, and waits for ever. */
const OPEN_AND_WAIT = `
const { containerPair } = await import('./harness/hosts/container.ts')
const { source, destination } = await containerPair()
console.log(JSON.stringify([source.address, destination.address]))
setInterval(() => {}, 1000)`

await t.test('this machine as a host', async (t) => {
  const host = localHost()
  t.teardown(() => host.stop())
  await checkHost(t, host)
  const directory = await host.directory()
  const sleeper = await host.start(['sleep', '1000'])
  await host.stop()
  t.match(await sleeper.exited, { code: 137 }, 'its process is stopped')
  t.notOk(existsSync(directory), 'and its directory is removed')
})

const left = process.env['CRIU_REMOTE_NO_CONTAINERS']
const pair = left ? new Error(left) : await containerPair().catch((thrown: Error) => thrown)
if (pair instanceof Error) {
  await t.test('containers as hosts', { skip: pair.message }, async () => {})
} else {
  t.teardown(() => pair.stop())
  await t.test('a container as a host', (t) => checkHost(t, pair.source))

  await t.test('the two containers reach each other', async (t) => {
    const port = await pair.destination.freePort()
    const listening = await pair.destination.start([
      'python3',
      '-c',
      `import socket; s=socket.create_server(("", ${port})); s.accept()[0].send(b"hello")`,
    ])
    const script = `until exec 3<>/dev/tcp/${pair.destination.address}/${port}; do sleep 0.02; done 2>/dev/null; cat <&3`
    const { stdout } = await run(pair.source, ['bash', '-c', script], { timeout: 10_000 })
    t.equal(stdout, 'hello')
    await listening.exited
  })

  await t.test(
    'the root file system is read-only, and the writable directories are in memory',
    async (t) => {
      t.not((await run(pair.source, ['touch', '/etc/x'])).code, 0)
      t.match(await shell(pair.source, 'stat -f -c %T /run /tmp'), /^tmpfs\ntmpfs\n$/)
    },
  )

  await t.test('a running container is a host as well, and keeps running', async (t) => {
    const id = (await shell(pair.source, 'hostname')).trim()
    const host = await existingContainer(id)
    t.match(await run(host, ['true']), { code: 0 })
    const sleeper = await host.start(['sleep', '1000'])
    await host.stop()
    t.match(await sleeper.exited, { code: 137 }, 'the wait for its process ends')
    t.match(await run(pair.source, ['true']), { code: 0 }, 'the container runs on')
    await t.rejects(run(host, ['true']), { message: /starting true in a container/ })
    await t.rejects(existingContainer('no-such-container'), { message: /no-such-container/ })
  })

  await t.test('an image is built from a Dockerfile', async (t) => {
    const directory = mkdtempSync('/tmp/criu-remote-image-')
    t.teardown(() => rmSync(directory, { recursive: true }))
    writeFileSync(`${directory}/Dockerfile`, `FROM ${defaultImage()}\nENV MADE_BY=test\n`)
    const built = await containerPair({ image: `${directory}/Dockerfile` })
    const { Image } = await (await getContainerRuntimeClient()).container
      .getById((await shell(built.source, 'hostname')).trim())
      .inspect()
    t.teardown(async () => {
      await built.stop()
      await (await getContainerRuntimeClient()).container.dockerode
        .getImage(Image)
        .remove({ force: true })
    })
    t.match(await run(built.source, ['sh', '-c', 'echo $MADE_BY']), { stdout: 'test\n' })
    await t.rejects(containerPair({ image: directory }), {
      name: 'HostError',
      message: /expected a Dockerfile/,
    })
  })

  await t.test('a process that dies leaves no container and no network', async (t) => {
    const child = spawn(process.execPath, ['-e', OPEN_AND_WAIT], {
      stdio: ['ignore', 'pipe', 'inherit'],
      cwd: checkout,
    })
    const [line] = (await once(child.stdout, 'data')) as [Buffer]
    const addresses = JSON.parse(line.toString()) as string[]
    t.equal((await withAddresses(addresses)).length, 2)
    child.kill('SIGKILL')
    for (const deadline = Date.now() + 20_000; (await withAddresses(addresses)).length > 0; ) {
      if (Date.now() > deadline) throw new Error('containers are left')
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
    t.pass('the reaper removed both')
  })
}

async function checkHost(t: Test, host: Host): Promise<void> {
  t.match(await run(host, ['sh', '-c', 'echo out; echo err >&2; exit 3']), {
    code: 3,
    stdout: 'out\n',
    stderr: 'err\n',
  } satisfies Completed)
  t.match(await run(host, ['sh', '-c', 'kill -9 $$']), { code: 137 })
  const lines: string[] = []
  await run(host, ['printf', 'a\\nb\\n'], { onLine: (line) => lines.push(line) })
  t.same(lines, ['a', 'b'])
  t.match(
    await run(host, ['sh', '-c', 'echo $KEY; pwd'], {
      environment: { KEY: 'value' },
      workingDirectory: '/usr',
    }),
    {
      stdout: 'value\n/usr\n',
    },
  )
  await t.rejects(run(host, ['sleep', '1000'], { timeout: 200 }), {
    name: 'HostError',
    message: /sleep 1000.*within 200 ms/,
  })
  await t.rejects(shell(host, 'echo because >&2; exit 4'), {
    name: 'HostError',
    message: /exit 4: because/,
  })
  const sleeper = await host.start(['sleep', '1000'])
  t.equal(
    (await shell(host, 'cat /proc/$1/comm', [String(sleeper.pid)])).trim(),
    'sleep',
    'the pid belongs to the command',
  )
  await sleeper.kill('SIGTERM')
  t.match(await sleeper.exited, { code: 143 })
  const directory = await host.directory()
  await shell(host, 'echo x > "$1/file"', [directory])
  t.match(
    await run(host, [...host.criuRemote, '--version']),
    { code: 0, stdout: /^\d+\.\d+\.\d+\n$/ },
    'criu-remote runs on the host',
  )
}

async function withAddresses(addresses: string[]): Promise<string[]> {
  const client = await getContainerRuntimeClient()
  const networks = (await client.container.list()).flatMap(({ NetworkSettings }) =>
    Object.values(NetworkSettings?.Networks ?? {}),
  )
  return networks.map(({ IPAddress }) => IPAddress).filter((address) => addresses.includes(address))
}
