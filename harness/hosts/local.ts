import { mkdtemp, rm } from 'node:fs/promises'
import { constants } from 'node:os'
import { execa } from 'execa'
import { hostCommands } from './checkout.ts'
import {
  type Completed,
  type Host,
  HostError,
  type HostProcess,
  type StartOptions,
  thisKernel,
} from './host.ts'
import { Lines } from './lines.ts'
import { freePort } from './ports.ts'

/** Returns this machine as a host, with loopback as its address. */
export function localHost(): Host {
  const running = new Set<HostProcess>()
  const directories: string[] = []
  return {
    name: 'this machine',
    address: '127.0.0.1',
    ...hostCommands(process.execPath),
    kernel: thisKernel,
    ownPids: false,
    async start(command, options = {}) {
      const started = await startLocal(command, options)
      running.add(started)
      void started.exited.then(() => running.delete(started))
      return started
    },
    async directory() {
      const directory = await mkdtemp('/tmp/criu-remote-')
      directories.push(directory)
      return directory
    },
    freePort,
    async stop() {
      await Promise.all([...running].map((each) => each.kill('SIGKILL').then(() => each.exited)))
      await Promise.all(
        directories.map((directory) => rm(directory, { recursive: true, force: true })),
      )
    },
  }
}

/** Starts a process on this machine. Throws HostError. */
async function startLocal(
  [file, ...parameters]: readonly string[],
  { environment, workingDirectory, onLine }: StartOptions,
): Promise<HostProcess> {
  if (file === undefined) throw new HostError('starting a program: expected a command, got none')
  const child = execa(file, parameters, {
    stdin: 'ignore',
    buffer: false,
    reject: false,
    cleanup: true,
    ...(environment && { env: environment }),
    ...(workingDirectory !== undefined && { cwd: workingDirectory }),
  })
  const stdout = new Lines(onLine)
  const stderr = new Lines()
  child.stdout.setEncoding('utf8').on('data', (text: string) => stdout.add(text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => stderr.add(text))
  const exited = child.then(({ exitCode, signal }): Completed => {
    return {
      code: exitCode ?? 128 + (signal === undefined ? 0 : constants.signals[signal]),
      stdout: stdout.text,
      stderr: stderr.text,
    }
  })
  if (child.pid === undefined) {
    const { originalMessage } = (await child) as unknown as Error & { originalMessage?: string }
    throw new HostError(`starting ${file}: ${originalMessage ?? 'it could not be started'}`)
  }
  return { pid: child.pid, exited, kill: async (signal) => void child.kill(signal) }
}
