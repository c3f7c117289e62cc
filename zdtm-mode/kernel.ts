import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { hasFeature } from '../harness/criu/criu.ts'
import { bundle } from '../harness/hosts/bundle.ts'
import { cacheDirectory } from '../harness/hosts/checkout.ts'
import type { Host, HostProcess } from '../harness/hosts/host.ts'
import { IMAGE_KERNEL, startInVm } from '../harness/vm/vm.ts'
import type { StartAgent } from './launch.ts'
import type { Plan } from './plan.ts'

/* Which kernel the tests run on: the host's, or that of a guest within the host. */

/** Where the agent is started; or `cannot`, why none of the tests can run there. */
export type Place = { start: StartAgent } | { cannot: string }

/** For 'host', 'auto', or the path of a kernel package, in the host. */
export async function placeFor(host: Host, kernel: string, plan: Plan, onBoot: (text: string) => void): Promise<Place> {
  const tracks = !needsTracking(plan) || (kernel !== 'host' && kernel !== 'auto') || (await hasFeature(host, plan.mode.criu, TRACKING))
  if (kernel === 'host' && !tracks) return { cannot: `this kernel can't track memory (criu check --feature ${TRACKING})` }
  if (kernel === 'host' || (kernel === 'auto' && tracks)) return { start: (command, _, onLine) => startBundled(host, command, onLine) }
  return { start: inGuest(host, kernel === 'auto' ? IMAGE_KERNEL : kernel, plan.mode.criu, onBoot) }
}

/** The bundle lies in the checkout, which the host sees. */
async function startBundled(host: Host, command: readonly string[], onLine: (line: string) => void): Promise<HostProcess> {
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

const TRACKING = 'mem_dirty_track'

/** Pre-dumps, and full dumps that are the parents of others. */
const needsTracking = ({ mode, tests }: Plan) => mode.pre > 0 || tests.some(({ desc }) => desc.feature.includes(TRACKING))

function inGuest(host: Host, kernel: string, criu: string, onBoot: (text: string) => void): StartAgent {
  return async (command, shares, onLine) => {
    const guest = await startInVm(host, { kernel, shares: [...shares, criu], command }, onLine)
    const { accelerator, boot, kvmFailed } = guest.booted
    if (kvmFailed !== undefined) onBoot(`no KVM: ${kvmFailed}\n`)
    onBoot(`guest up in ${(boot / 1000).toFixed(1)} s (${accelerator})\n`)
    return guest
  }
}
