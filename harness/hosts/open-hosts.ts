import { containerPair, existingContainer } from './container.ts'
import { type Host, HostError } from './host.ts'
import { localHost } from './local.ts'

/**
 * Opens the source and the destination that the command line names: `container`, `container:NAME`
 * or `local`. Throws HostError.
 */
export async function openHosts(
  source: string,
  destination: string,
  image?: string,
): Promise<{ source: Host; destination: Host; stop: () => Promise<void> }> {
  if (source === 'container' && destination === 'container')
    return containerPair(image === undefined ? {} : { image })
  if (source === 'container' || destination === 'container')
    throw new HostError(
      'opening hosts: a fresh container works only with a second fresh container, on their own network',
    )
  const hosts = [await openHost(source), await openHost(destination)] as const
  return {
    source: hosts[0],
    destination: hosts[1],
    stop: async () => void (await Promise.all(hosts.map((host) => host.stop()))),
  }
}

async function openHost(name: string): Promise<Host> {
  if (name === 'local') return localHost()
  const [, id] = /^container:(.+)$/.exec(name) ?? []
  if (id === undefined)
    throw new HostError(`opening host ${name}: expected container, container:NAME or local`)
  return existingContainer(id)
}
