import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { bundle } from '../../harness/hosts/bundle.ts'
import { cacheDirectory } from '../../harness/hosts/checkout.ts'
import type { Host, HostProcess } from '../../harness/hosts/host.ts'

/**
 * Starts a command with its scripts bundled. The bundle is in the checkout, which the host sees,
 * and is removed when the process ends.
 */
export async function startBundled(
  host: Host,
  command: readonly string[],
  onLine: (line: string) => void,
): Promise<HostProcess> {
  await mkdir(cacheDirectory, { recursive: true })
  const directory = await mkdtemp(`${cacheDirectory}/bundle-`)
  const remove = () => rm(directory, { recursive: true, force: true })
  try {
    const { command: bundled, environment } = await bundle(command, directory)
    const started = await host.start(bundled, { environment, onLine })
    return { ...started, exited: started.exited.finally(remove) }
  } catch (thrown) {
    await remove()
    throw thrown
  }
}
