import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { type Host, HostError, type HostProcess } from '../hosts/host.ts'
import type { Descriptor } from '../implementation/descriptor.ts'
import { describeEnd, fillIn } from '../implementation/start.ts'
import { Connection } from './connection.ts'
import type { Trace } from './trace.ts'

/* A daemon of the implementation under test: started in a private directory, on this machine. */

/** How long a daemon may take to listen, in ms. */
const START_TIMEOUT = 15_000

export interface Subject {
  role: 'proxy' | 'cache'
  socket: string
  process: HostProcess
  /** Set once the case has given it a reason to exit. */
  mayExit: boolean
  directory: string
  /** For a cache: connects as its proxy. */
  connectLink(trace: Trace): Promise<Connection>
  /** Waits until its UNIX socket accepts. Throws HostError when it ends before, or at the deadline. */
  untilReady(): Promise<void>
  /** For a cache: waits until it listens for its proxy, without connecting. */
  untilPortListens(): Promise<void>
  /** Its exit code, once it has ended. */
  exitCode(): number | undefined
  stop(): Promise<void>
}

/** Starts a proxy or cache; `port` is that of the TCP connection. It may not be listening yet. */
export async function startSubject(host: Host, descriptor: Descriptor, role: 'proxy' | 'cache', port: number): Promise<Subject> {
  const description = descriptor[role]
  if (description === undefined) throw new HostError(`starting ${descriptor.name}: expected its descriptor to have a ${role}`)
  const directory = await mkdtemp('/tmp/criu-remote-')
  const socket = description.socket?.replaceAll('{directory}', directory) ?? `${directory}/img-${role}.sock`
  const started = await host
    .start(fillIn(description, { directory, socket, host: '127.0.0.1', port }), {
      environment: { ...descriptor.environment, ...description.environment },
      workingDirectory: description.workingDirectory ?? descriptor.workingDirectory ?? directory,
    })
    .catch(async (thrown) => {
      await rm(directory, { recursive: true, force: true })
      throw thrown
    })
  let exitCode: number | undefined
  void started.exited.then(({ code }) => {
    exitCode = code
  })
  const stillRuns = async () => {
    if (exitCode !== undefined)
      throw new HostError(`starting the ${role} ${descriptor.name}: it ended at once, ${describeEnd(await started.exited)}`)
  }
  return {
    role,
    socket,
    process: started,
    mayExit: false,
    directory,
    connectLink: (trace) => retry(`the TCP port ${port}`, stillRuns, () => Connection.to('link', { host: '127.0.0.1', port }, trace)),
    async untilReady() {
      const probe = await retry(`the UNIX socket ${socket}`, stillRuns, () => Connection.to('readiness', { path: socket }, silent))
      probe.socket.destroy()
    },
    untilPortListens: () => retry(`TCP port ${port}`, stillRuns, () => portListens(port)),
    exitCode: () => exitCode,
    async stop() {
      await started.kill('SIGKILL')
      await started.exited
      await rm(directory, { recursive: true, force: true })
    },
  }
}

async function portListens(port: number): Promise<void> {
  const hex = port.toString(16).toUpperCase().padStart(4, '0')
  const tables = await Promise.all(['/proc/net/tcp', '/proc/net/tcp6'].map((table) => readFile(table, 'utf8').catch(() => '')))
  if (!tables.some((table) => new RegExp(`:${hex} [0-9A-F]+:0000 0A `).test(table))) throw new Error('nobody listens there')
}

const silent = { add() {} } as unknown as Trace

/** Tries at growing intervals: another process gives no event when it begins to listen. */
async function retry<T>(what: string, stillRuns: () => Promise<void>, attempt: () => Promise<T>): Promise<T> {
  const deadline = Date.now() + START_TIMEOUT
  for (let pause = 2; ; pause = Math.min(pause * 1.5, 50)) {
    try {
      return await attempt()
    } catch (thrown) {
      await stillRuns()
      if (Date.now() > deadline)
        throw new HostError(
          `starting an implementation: expected it to listen at ${what} within ${START_TIMEOUT} ms: ${(thrown as Error).message}`,
        )
      await new Promise((resolve) => setTimeout(resolve, pause))
    }
  }
}
