import { mkdir, symlink } from 'node:fs/promises'
import { type Host, HostError, type HostProcess } from '../hosts/host.ts'
import type { ClientCommand, Descriptor } from './descriptor.ts'

/** The names at which a client that gets no option seeks the sockets. */
const NAMES = { proxy: 'img-proxy.sock', cache: 'img-cache.sock' } as const

/** The values of the placeholders of a client's command. */
export interface ClientValues {
  /** The root of the tree to dump. */
  pid: number
  /** The images directory, which is the snapshot id. */
  directory: string
  /** The images directory of the previous snapshot; the own one for the first. */
  parent: string
  /** The directory for local files. */
  work: string
  proxySocket: string
  cacheSocket: string
  /** The file for the pid of the restored root. */
  pidFile: string
}

/** Returns whether a command has a placeholder. */
export function uses(command: readonly string[], placeholder: keyof ClientValues): boolean {
  return command.some((word) => word.includes(`{${placeholder}}`))
}

/**
 * Makes the images directory and the work directory of a client. A client that finds its sockets
 * by name gets links to them in both.
 */
export async function prepareDirectories(
  { client }: Descriptor,
  { directory, work, proxySocket, cacheSocket }: Omit<ClientValues, 'pid' | 'parent' | 'pidFile'>,
): Promise<void> {
  for (const each of [directory, work]) {
    await mkdir(each, { recursive: true })
    if (client?.sockets !== 'by-name') continue
    await symlink(proxySocket, `${each}/${NAMES.proxy}`)
    await symlink(cacheSocket, `${each}/${NAMES.cache}`)
  }
}

/** Starts a command of a client, in its work directory. Throws HostError. */
export async function startClient(
  host: Host,
  descriptor: Descriptor,
  command: ClientCommand,
  values: ClientValues,
  environment: Record<string, string>,
): Promise<HostProcess> {
  const words = descriptor.client?.[command]
  if (words === undefined)
    throw new HostError(`starting ${descriptor.name}: expected its client to have a ${command}`)
  const filled = words.map((word) =>
    word.replace(/\{(\w+)\}/g, (text, key: keyof ClientValues) => String(values[key] ?? text)),
  )
  return host.start(filled, {
    environment: { ...descriptor.environment, ...environment },
    workingDirectory: descriptor.workingDirectory ?? values.work,
  })
}
