import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import type { Writable } from 'node:stream'
import { checkout } from './checkout.ts'
import { getContainerRuntimeClient } from './docker.ts'

/*
 * Removes the containers and networks of a process that died before it removed them.
 *
 * The reaper is a process in a session of its own, so Ctrl-C does not reach it. It reads names of
 * networks from its standard input until end of file, which is the end of its parent.
 */

const KEY = 'criu-remote.session'
const session = randomUUID()

/** Returns the label of every container that this process starts. */
export const label = () => ({ [KEY]: session })

let reaper: Promise<Writable> | undefined

/** Tells the reaper to remove the network, and the containers of this process, after its end. */
export async function reapNetwork(name: string): Promise<void> {
  reaper ??= startReaper()
  const names = await reaper
  names.write(`${name}\n`)
}

function startReaper(): Promise<Writable> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [`${checkout}/harness/hosts/reaper-main.ts`, session], {
      detached: true,
      stdio: ['pipe', 'pipe', 'ignore'],
    })
    child.once('error', reject).unref()
    child.stdin.on('error', () => {})
    ;(child.stdin as unknown as { unref(): void }).unref()
    child.stdout.once('data', () => {
      child.stdout.destroy()
      resolve(child.stdin)
    })
  })
}

/** Removes all containers with the session's label, then the networks. */
export async function removeAll(ofSession: string, networks: readonly string[]): Promise<void> {
  const { dockerode } = (await getContainerRuntimeClient()).container
  const containers = await dockerode.listContainers({
    all: true,
    filters: { label: [`${KEY}=${ofSession}`] },
  })
  await Promise.all(
    containers.map(({ Id }) =>
      dockerode
        .getContainer(Id)
        .remove({ force: true, v: true })
        .catch(() => {}),
    ),
  )
  await Promise.all(
    networks.map((name) =>
      dockerode
        .getNetwork(name)
        .remove()
        .catch(() => {}),
    ),
  )
}
