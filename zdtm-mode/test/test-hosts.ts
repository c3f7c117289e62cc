import type { Host } from '../../harness/hosts/host.ts'
import { namespaceHosts } from '../../harness/hosts/namespaces.ts'
import type { TestMachine } from '../agent/test-machine.ts'
import { INIT } from '../plan.ts'

/**
 * A host of the program and CRIU, and the host of the proxy or cache: the same, or one beside the
 * guest.
 */
export interface TestHost {
  host: Host
  daemonHost: Host
}

interface TestHostsOptions {
  count: 1 | 2
  /** The directory in which the hosts have theirs. */
  directory: string
  /** The directory of compiled programs. */
  programs: string
}

/** Makes one host for a test, or a source and a destination. Throws HostError. */
export async function makeTestHosts(
  { machine, here }: TestMachine,
  { programs, ...given }: TestHostsOptions,
): Promise<TestHost[]> {
  const options = { ...given, init: `${programs}/${INIT}` }
  if (machine.isHere) {
    const hosts = await namespaceHosts({ machine, ...options })
    return hosts.map((host) => ({ host, daemonHost: host }))
  }
  // Only the hosts of proxy and cache need a network: all images go through them.
  const making = [
    namespaceHosts({ machine, joined: false, ...options }),
    namespaceHosts({ machine: here, ...options }),
  ]
  const [hosts, beside] = (await allOrStopped(making)) as [Host[], Host[]]
  return hosts.map((host, at) => ({ host, daemonHost: beside[at] as Host }))
}

/** Waits for all hosts. Stops those that were made, and throws, if some could not be made. */
async function allOrStopped(making: readonly Promise<Host[]>[]): Promise<Host[][]> {
  try {
    return await Promise.all(making)
  } catch (thrown) {
    const settled = await Promise.allSettled(making)
    const made = settled.flatMap((each) => (each.status === 'fulfilled' ? each.value : []))
    await Promise.all(made.map((host) => host.stop()))
    throw thrown
  }
}

export async function stopTestHosts(hosts: readonly TestHost[]): Promise<void> {
  await Promise.all(hosts.flatMap(({ host, daemonHost }) => [host.stop(), daemonHost.stop()]))
}
