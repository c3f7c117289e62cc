import { rm } from 'node:fs/promises'
import { type Host, HostError } from '../hosts/host.ts'
import type { Descriptor } from '../implementation/descriptor.ts'
import { askAgain, tcpListens } from '../implementation/listening.ts'
import { describeEnd, type StartedDaemon, startDaemon } from '../implementation/start.ts'
import { Connection } from './connection.ts'
import { startDeadline } from './deadline.ts'
import { Trace } from './trace.ts'

/* A daemon of the implementation under test: started in a private directory, on this machine. */

/** How long it may take to listen, in ms; waits for a processor do not count. */
const START_TIMEOUT = 15_000

export interface Subject extends StartedDaemon {
  /** Set once the case has given it a reason to exit. */
  mayExit: boolean
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

/**
 * Starts a proxy or cache on this machine; `port` is that of the TCP connection. It may not be listening yet. `release` is called when it has
 * been stopped, or could not be started.
 */
export async function startSubject(
  host: Host,
  descriptor: Descriptor,
  role: 'proxy' | 'cache',
  port: number,
  release = () => {},
): Promise<Subject> {
  const place = { host: '127.0.0.1', port }
  const daemon = await startDaemon(host, role, descriptor, place).catch((thrown) => {
    release()
    throw thrown
  })
  const { socket, directory, process: started } = daemon
  let exitCode: number | undefined
  void started.exited.then(({ code }) => {
    exitCode = code
  })
  const untilDone = <T>(what: string, attempt: () => Promise<T>) =>
    retry(what, started.pid, attempt, async () => {
      if (exitCode !== undefined)
        throw new HostError(
          `starting the ${role} ${descriptor.name}: it ended at once, ${describeEnd(await started.exited)}`,
        )
    })
  return {
    ...daemon,
    mayExit: false,
    connectLink: (trace) =>
      untilDone(`the TCP port ${port}`, () => Connection.to('link', place, trace)),
    async untilReady() {
      const probe = await untilDone(`the UNIX socket ${socket}`, () =>
        Connection.to('readiness', { path: socket }, new Trace()),
      )
      probe.socket.destroy()
    },
    untilPortListens: () =>
      untilDone(`TCP port ${port}`, async () => {
        if (!tcpListens(port)) throw new Error('nobody listens there')
      }),
    exitCode: () => exitCode,
    async stop() {
      await started.kill('SIGKILL')
      await started.exited
      release()
      await rm(directory, { recursive: true, force: true })
    },
  }
}

/** Tries until an attempt does not throw; throws HostError at the deadline of the process, or what `check` throws between two attempts. */
async function retry<T>(
  what: string,
  process: number,
  attempt: () => Promise<T>,
  check: () => Promise<void>,
): Promise<T> {
  let why = ''
  let late = false
  const end = startDeadline(
    START_TIMEOUT,
    () => [process],
    () => {
      late = true
    },
  )
  const done = await askAgain(
    async () => {
      try {
        return { value: await attempt() }
      } catch (thrown) {
        await check()
        why = (thrown as Error).message
        return undefined
      }
    },
    () => late,
  ).finally(end)
  if (done !== undefined) return done.value
  throw new HostError(
    `starting an implementation: expected it to listen at ${what} within ${START_TIMEOUT} ms: ${why}`,
  )
}
