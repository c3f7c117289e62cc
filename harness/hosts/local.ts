import { mkdtemp, rm } from 'node:fs/promises'
import { hostCommands } from './checkout.ts'
import { type Host, HostError, type HostProcess, thisKernel } from './host.ts'
import { Leftovers, signalGroup } from './leftovers.ts'
import { startLocal } from './local-process.ts'
import { freePort } from './ports.ts'

/** Returns this machine as a host, with loopback as its address. */
export function localHost(): Host {
  const running = new Set<HostProcess>()
  const directories: string[] = []
  return {
    ...thisMachine(),
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
    async stop() {
      await Promise.all([...running].map((each) => each.kill('SIGKILL').then(() => each.exited)))
      await Promise.all(
        directories.map((directory) => rm(directory, { recursive: true, force: true })),
      )
    },
  }
}

/**
 * Returns this machine as a host for an implementation under test. Each process leads a group of
 * its own: an interrupt from the terminal does not reach it, and its children end with it. No
 * process and no directory outlives this process.
 *
 * @param parent the directory in which it makes directories.
 */
export function isolatedLocalHost(parent = '/tmp'): Host {
  const leftovers = new Leftovers()
  let stopped = false
  const refuseIfStopped = () => {
    if (stopped) throw new HostError('starting a daemon: the run is over')
  }
  return {
    ...thisMachine(),
    async start(command, options = {}) {
      refuseIfStopped()
      const { pid, exited } = await startLocal(command, { ...options, ownGroup: true })
      leftovers.addGroup(pid)
      if (stopped) leftovers.removeAll()
      return { pid, exited, kill: async (signal) => killGroup(leftovers, pid, signal) }
    },
    async directory() {
      refuseIfStopped()
      const directory = await mkdtemp(`${parent}/criu-remote-`)
      leftovers.addDirectory(directory)
      if (stopped) leftovers.removeAll()
      return directory
    },
    async stop() {
      stopped = true
      leftovers.removeAll()
    },
  }
}

function killGroup(leftovers: Leftovers, leader: number, signal: 'SIGTERM' | 'SIGKILL'): void {
  if (signal === 'SIGKILL') leftovers.killGroup(leader)
  else signalGroup(leader, signal)
}

const thisMachine = () => ({
  name: 'this machine',
  address: '127.0.0.1',
  ...hostCommands(process.execPath),
  kernel: thisKernel,
  ownPids: false,
  freePort,
})
